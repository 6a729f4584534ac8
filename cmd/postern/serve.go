package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	shutdownGrace  = 10 * time.Second
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Run serves until ctx ends.
func (c *ServeCmd) Run(ctx context.Context, s Streams) error {
	if err := c.Validate(); err != nil {
		return usageError{Err: err}
	}
	return serve(ctx, c, s.Err, func(b bootstrap, first bool) {
		if first {
			fmt.Fprintf(s.Out, "first start: credentials are in %s\n", b.path)
		}
		fmt.Fprintf(s.Out, "serving %s (addresses in %s)\n", b.Authority, b.path)
	})
}

// serve builds the house from the cellar up, calls ready once it answers, and
// returns when ctx has ended and everything it started has stopped.
func serve(ctx context.Context, c *ServeCmd, logTo io.Writer, ready func(b bootstrap, first bool)) error {
	log := slog.New(slog.NewJSONHandler(logTo, &slog.HandlerOptions{Level: logLevel(c.LogLevel)}))
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	main, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	defer func() { _ = main.Close() }()
	opsListener, err := net.Listen("tcp", c.OpsListen)
	if err != nil {
		return fmt.Errorf("--ops-listen %s: %w", c.OpsListen, err)
	}
	defer func() { _ = opsListener.Close() }()

	h, err := build(ctx, c, c.baseURL(main.Addr()), log)
	if err != nil {
		return err
	}
	defer h.close(log)
	b, first, err := h.open(ctx, c, opsListener.Addr())
	if err != nil {
		return err
	}
	return h.run(ctx, listeners{main, opsListener}, func() { ready(b, first) })
}

func logLevel(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return l
}

type listeners struct{ main, ops net.Listener }

// run serves both listeners and delivers events until ctx ends, then lets
// requests finish for a while.
func (h *house) run(ctx context.Context, l listeners, ready func()) error {
	errorLog := slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)
	srv := &http.Server{
		Handler: h.handler, TLSConfig: h.tls, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
	}
	ops := &http.Server{
		Handler: h.ops.handler(h.store.Ping), ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return ignoreClosed(srv.ServeTLS(l.main, "", "")) })
	group.Go(func() error { return ignoreClosed(ops.Serve(l.ops)) })
	group.Go(func() error { return ignoreCanceled(h.cuts.Run(running)) })
	group.Go(func() error { return ignoreCanceled(h.follows.Run(running)) })
	group.Go(func() error { return ignoreCanceled(h.tunnel.Run(running)) })
	group.Go(func() error { return ignoreCanceled(h.chores(running)) })
	group.Go(func() error { return ignoreCanceled(h.watchPlaces(running)) })
	group.Go(func() error {
		<-running.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		h.stopStreams()
		err := srv.Shutdown(grace)
		if err != nil { // a stream outlived the grace: cut it
			_ = srv.Close()
		}
		return errors.Join(ignoreDeadline(err), ops.Shutdown(grace))
	})
	ready()
	err := group.Wait()
	h.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "stopped")
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
