package bus_test

import (
	"sync"
	"testing"

	"github.com/postern-mam/postern/internal/bus"
)

func hinted(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestLocal(t *testing.T) {
	t.Run("hints that wait become one, for every watcher", func(t *testing.T) {
		var l bus.Local
		one, _ := l.Watch()
		two, _ := l.Watch()
		for range 3 {
			l.Notify()
		}
		for _, c := range []<-chan struct{}{one, two} {
			if !hinted(c) || hinted(c) {
				t.Error("want exactly one hint")
			}
		}
	})
	t.Run("nothing comes after the subscription ended, and ending twice is fine", func(t *testing.T) {
		var l bus.Local
		c, end := l.Watch()
		end()
		end()
		l.Notify()
		if hinted(c) {
			t.Error("hinted")
		}
	})
	t.Run("nobody has to watch, and a watcher who never reads blocks nobody", func(t *testing.T) {
		var l bus.Local
		l.Notify()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, end := l.Watch()
				l.Notify()
				end()
			})
		}
		all.Wait()
	})
}
