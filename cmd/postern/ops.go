package main

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operations answers whether the service lives, is ready, and how it does.
type operations struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newOperations() *operations {
	o := &operations{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "postern_http_request_duration_seconds",
			Help:    "Time to answer a request, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"route", "status"}),
	}
	o.registry.MustRegister(o.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return o
}

// handler serves /healthz (the process lives), /readyz (the database answers)
// and /metrics (Prometheus).
func (o *operations) handler(ping func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ping(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{}))
	return mux
}

// watch logs one wide event per request and measures it. Paths are logged
// without their query: codes and states travel there.
func (o *operations) watch(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		// An answer that is cut leaves by http.ErrAbortHandler, and is an event too.
		defer func() { o.note(log, r, rec.status, time.Since(began)) }()
		next.ServeHTTP(rec, r)
	})
}

func (o *operations) note(log *slog.Logger, r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "other"
	}
	o.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError && r.Context().Err() == nil { // who went away causes no alarm
		level = slog.LevelError
	}
	log.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", printable(loggable(r.URL.Path))),
		slog.String("route", route), slog.Int("status", status), slog.Duration("took", took))
}

func printable(path string) string {
	const longest = 200
	if len(path) > longest {
		path = path[:longest] + "..."
	}
	return strings.ToValidUTF8(path, "?")
}

// statusRecorder remembers the status; Unwrap lets streams flush and hijack.
type statusRecorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader remembers the first final status.
func (s *statusRecorder) WriteHeader(code int) {
	if !s.wrote && code >= http.StatusOK {
		s.status, s.wrote = code, true
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write marks the header as written.
func (s *statusRecorder) Write(b []byte) (int, error) {
	s.wrote = true
	return s.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the real writer.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// loggable is a path without what would let a reader of the log fetch a report:
// its address is all that is needed, and the doors read paths in any case.
func loggable(path string) string {
	const secret = "/reports/"
	for at := range path {
		if rest := path[at:]; len(rest) > len(secret) && strings.EqualFold(rest[:len(secret)], secret) {
			return path[:at+len(secret)] + "…"
		}
	}
	return path
}
