package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/postern-mam/postern/sdk"
)

// pc is the personal PC: the real SDK, with health from a declared development
// adapter, beside the person's own file.
type pc struct {
	client *sdk.Client
	state  string // directory of the SDK
	own    string // the person's own file, which nobody may touch
	before sdk.Status
	cancel context.CancelFunc
	ended  chan error // what Run returned; nil: it does not run
}

// open starts the SDK on the PC of s.
func (p *pc) open(s *story) (err error) {
	p.state, p.own = filepath.Join(s.dir, "agent"), filepath.Join(s.dir, "my own diary.txt")
	if err := os.WriteFile(p.own, []byte(ownText), 0o600); err != nil {
		return err
	}
	p.client, err = sdk.New(sdk.Config{
		Authority: s.Service.Authority, App: edge, AppVersion: edgeNumber, Dir: p.state, Health: Health{},
		HTTP: &http.Client{Transport: s.transport}, Now: s.Now,
		Browser: func(ctx context.Context, url string) error {
			page, err := s.browser.Open(ctx, url)
			if err == nil && page.Status != http.StatusOK {
				err = fmt.Errorf("%s", page.summary())
			}
			return err
		},
	})
	return err
}

// run keeps the PC in touch with the service until stop, or until a wipe is done.
func (p *pc) run(ctx context.Context) {
	p.before = p.client.Status()
	ctx, p.cancel = context.WithCancel(ctx)
	ended := make(chan error, 1)
	p.ended = ended
	go func() { ended <- p.client.Run(ctx) }()
}

// stop takes the PC offline and returns when it is.
func (p *pc) stop() {
	if p.ended == nil {
		return
	}
	p.cancel()
	<-p.ended
	p.ended = nil
}

// wait returns when the SDK's loop has ended by itself.
func (p *pc) wait(ctx context.Context) error {
	defer func() {
		p.cancel()
		p.ended = nil
	}()
	select {
	case err := <-p.ended:
		return err
	case <-ctx.Done():
		p.cancel()
		return errors.Join(ctx.Err(), <-p.ended)
	}
}

// until waits until the PC decides as wanted, for a few seconds at most.
func (p *pc) until(ctx context.Context, wanted func(sdk.Decision) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if wanted(p.client.Decide()) {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// registration and device are what they were when the PC was last in touch: a
// wipe makes it forget them.
func (p *pc) registration() string { return p.before.RegistrationID }
func (p *pc) device() string       { return p.before.DeviceID }

// Health is the development adapter of the demonstration: a healthy Windows 11
// 23H2, and every report says that it is made up.
type Health struct{}

// Measure returns the same at every measurement.
func (Health) Measure(context.Context) (sdk.Measurement, error) {
	return sdk.Measurement{
		Adapter: "development", DisplayName: "Ada's own laptop", OSVersion: "10.0.22631.4317", Model: "Demonstration 13", Manufacturer: "Example",
		Providers: map[string]string{
			"antivirus": "good", "firewall": "good", "autoUpdate": "good", "internetSettings": "good", "userAccountControl": "good", "securityCenter": "good",
		},
	}, nil
}
