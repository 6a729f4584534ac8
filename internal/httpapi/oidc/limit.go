package oidc

import (
	"net/netip"
	"sync"
	"time"
)

const (
	burst     = 600 // posts, or sign-ins started, at once from one address: an office behind one router signs in at nine
	perSecond = 10
	maxPeers  = 10_000
)

// limiter is a token bucket per address, in this process alone. It keeps one
// address from taking all the hashing there is; the accounts' own lock-out is
// what stops guessing.
type limiter struct {
	now func() time.Time

	mu    sync.Mutex
	peers map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, peers: map[string]bucket{}}
}

// allow takes one token of an address's bucket.
func (l *limiter) allow(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, key := l.now(), neighbourhood(address)
	b, known := l.peers[key]
	if !known {
		if len(l.peers) >= maxPeers {
			l.forget(now)
		}
		b = bucket{left: burst, at: now}
	}
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.peers[key] = b
	return ok
}

// forget drops full buckets, and everything when none is full: memory is
// bounded, whoever floods.
func (l *limiter) forget(now time.Time) {
	for key, b := range l.peers {
		if b.left+now.Sub(b.at).Seconds()*perSecond >= burst {
			delete(l.peers, key)
		}
	}
	if len(l.peers) >= maxPeers {
		clear(l.peers)
	}
}

// neighbourhood is the address, or the /64 of an IPv6 one: a household owns that
// many addresses.
func neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
