package controllers

import (
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memories is what the operator remembers between passes, by resource. All of it may be lost at a restart: it is then measured anew.
type memories struct {
	mu sync.Mutex
	of map[types.NamespacedName]memory
}

// memory of one resource.
type memory struct {
	uid types.UID
	// report is a hash of the last report annotation, and reportSeen when it was first seen.
	report     uint64
	reportSeen time.Time
	// waited is how many reports in a row lacked the proof that was asked for, the present one included if it is counted.
	waited  int
	counted bool
	// flattenSince is when the position was first ordered to be sold before a stop; zero while it is not.
	flattenSince time.Time
	// settled is the plan of a pass that left nothing to do, and fingerprint what that pass saw, the report apart.
	settled     *plan
	fingerprint string
	// specs of the user's own, as last read.
	specs userSpecs
}

func (m *memories) get(key types.NamespacedName, uid types.UID) memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, found := m.of[key]; found && known.uid == uid {
		return known
	}
	return memory{uid: uid}
}

func (m *memories) put(key types.NamespacedName, v memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[types.NamespacedName]memory{}
	}
	m.of[key] = v
}

func (m *memories) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, key)
}

// sees notes the report annotation, and when it changed. After a restart the operator cannot know for how long the report has been there, so it
// takes the daemon's word for the report's age: a daemon that died while the operator was away must not look alive for one more limit. If the
// daemon's clock is wrong, the next report corrects it. It says whether the report is another than before.
func (m *memory) sees(encoded string, reportTime, now time.Time) (another bool) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(encoded))
	sum := h.Sum64()
	switch {
	case m.reportSeen.IsZero():
		m.reportSeen = now
		if !reportTime.IsZero() && reportTime.Before(now) {
			m.reportSeen = reportTime
		}
	case sum != m.report:
		m.reportSeen = now
	}
	another = sum != m.report
	m.report = sum
	return another
}
