package hermestest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// The paths of Hermes' interface, below whatever the server's URL carries.
const (
	latestPath = "/v2/updates/price/latest"
	streamPath = "/v2/updates/price/stream"
)

// Server is an http.Handler of one feed. Its fields are set before it is asked.
type Server struct {
	// Feed is the ID of the feed that it has: 64 hex digits, in lower case.
	Feed string
	// Token that a question must carry; empty for none.
	Token string
	// Latest answers a good question for the newest price.
	Latest func(w http.ResponseWriter)
	// Stream answers a good question for the stream: the connection-th connection, counted from 1. The stream ends when it returns.
	Stream func(w http.ResponseWriter, r *http.Request, connection int64)

	asked atomic.Int64
}

// Asked is how many good questions came so far.
func (s *Server) Asked() int64 { return s.asked.Load() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	latest, stream := strings.HasSuffix(r.URL.Path, latestPath), strings.HasSuffix(r.URL.Path, streamPath)
	q := r.URL.Query()
	switch ids := q["ids[]"]; {
	case r.Method != http.MethodGet || !latest && !stream:
		http.NotFound(w, r)
		return
	case s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token:
		http.Error(w, "missing or wrong access token", http.StatusUnauthorized)
		return
	case q.Get("parsed") != "true" || len(ids) != 1:
		http.Error(w, "Failed to deserialize query string", http.StatusBadRequest)
		return
	case strings.TrimPrefix(ids[0], "0x") != s.Feed:
		http.Error(w, "Price ids not found: "+ids[0], http.StatusNotFound)
		return
	}
	n := s.asked.Add(1)
	if latest {
		w.Header().Set("Content-Type", "application/json")
		s.Latest(w)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s.Stream(w, r, n)
}

// Update is a PriceUpdate as Hermes documents it: binary data for a chain, and the same parsed. The price is a whole number times ten to expo,
// publishTime Unix seconds.
func Update(id, price, conf string, expo, publishTime int64) string {
	return fmt.Sprintf(`{"binary":{"encoding":"hex","data":["504e41550100000003b801"]},"parsed":[{"id":"%s","price":{"price":"%s","conf":"%s","expo":%d,"publish_time":%d},`+
		`"ema_price":{"price":"1","conf":"1","expo":-8,"publish_time":%d},"metadata":{"slot":161371489,"proof_available_time":%d,"prev_publish_time":%d}}]}`,
		id, price, conf, expo, publishTime, publishTime, publishTime+1, publishTime)
}

// Send writes an event as Hermes does, and sees to it that it leaves.
func Send(w http.ResponseWriter, data string) {
	_, _ = io.WriteString(w, "data:"+data+"\n\n")
	_ = http.NewResponseController(w).Flush()
}
