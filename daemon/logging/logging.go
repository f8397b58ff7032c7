package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// EnvLevel is the environment variable that sets the level.
const EnvLevel = "TAUD_LOG"

// New makes a logger that writes to w (one Write a line) what is at or above level.
func New(w io.Writer, level slog.Leveler) logr.Logger {
	return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				a.Value = slog.StringValue(a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			if a.Value.Kind() == slog.KindDuration {
				// slog's JSON would print nanoseconds without saying so.
				a.Value = slog.StringValue(a.Value.Duration().Round(time.Microsecond).String())
			}
			return a
		},
	}))
}

// SetDefault sends what libraries log through slog's default logger and klog (client-go) to l. For main only: it is global.
func SetDefault(l logr.Logger) {
	slog.SetDefault(slog.New(logr.ToSlogHandler(l)))
	klog.SetLogger(l.WithName("kubernetes"))
}

// Choose gives the level: that of the flag, else of the environment's TAUD_LOG, else of the configuration, else info. "" is not set. The error
// names the place that was wrong.
func Choose(flag, env, config string) (slog.Level, error) {
	for _, c := range []struct{ from, text string }{{"--log-level", flag}, {EnvLevel, env}, {"log.level", config}} {
		if c.text == "" {
			continue
		}
		l, ok := levels[strings.ToLower(c.text)]
		if !ok {
			return 0, fmt.Errorf("%s: expected debug, info, warn or error, found %q", c.from, c.text)
		}
		return l, nil
	}
	return slog.LevelInfo, nil
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
