package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turn drives one contestant at 8 connections for a while. Requests are bytes
// that were made and signed before, so that the one who asks costs little beside
// the one who answers.
func turn(t *testing.T, c contestant, each int, long time.Duration) score {
	t.Helper()
	all := c.requests(each)
	conns := make([]net.Conn, len(all))
	for i := range all {
		conns[i] = dial(t, c)
		if err := ask(conns[i], bufio.NewReader(conns[i]), all[i][0]); err != nil { // warm
			t.Fatal(err)
		}
	}
	var answered atomic.Int64
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	var busy sync.WaitGroup
	before, kernel := processors(c.pid)
	began := time.Now()
	for i, conn := range conns {
		busy.Go(func() {
			defer stop() // whoever runs out of requests ends the turn
			in := bufio.NewReader(conn)
			for _, request := range all[i][1:] {
				if ctx.Err() != nil {
					return
				}
				if err := ask(conn, in, request); err != nil {
					t.Errorf("%s: %v", c.name, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	busy.Wait()
	took := time.Since(began)
	spent, inside := processors(c.pid)
	for _, conn := range conns {
		_ = conn.Close()
	}
	n := time.Duration(max(answered.Load(), 1))
	return score{rate: float64(n) / took.Seconds(), cpu: (spent - before) / n, sys: (inside - kernel) / n}
}

// dial connects. The certificate is not looked at: it is what both servers show,
// and costs the same.
func dial(t *testing.T, c contestant) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", c.addr)
	ok(t, err)
	if !c.tls {
		return conn
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
	ok(t, secure.HandshakeContext(t.Context()))
	return secure
}

// ask sends a request and reads the answer, which must be a 200.
func ask(conn io.Writer, in *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	status, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(": ")); found && strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if strings.HasPrefix(status, "HTTP/1.1 200 ") {
		_, err = in.Discard(length)
		return err
	}
	body := make([]byte, length)
	_, _ = io.ReadFull(in, body)
	return fmt.Errorf("%s%s", status, body)
}

// post is a request as bytes. Headers come in pairs.
func post(method, host, path string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, path, host, len(body))
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
