package sdk

import "context"

// Sync obeys what the service orders and checks in, once, and returns what holds
// then. It is for an app that runs for a moment; one that stays open uses Run. An
// app that is not enrolled is blocked, which is no error. Without a connection the
// decision is what Decide says, and the error says what went wrong.
func (c *Client) Sync(ctx context.Context) (Decision, error) {
	if s := c.snapshot(); s.Registration == "" && s.Wiping == nil {
		return c.Decide(), nil
	}
	wiped, err := c.Orders(ctx)
	if err == nil && !wiped {
		_, err = c.CheckIn(ctx)
		_ = c.enforce(ctx) // what could not go is tried again; access is cut anyway
	}
	return c.Decide(), err
}
