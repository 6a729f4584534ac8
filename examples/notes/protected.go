package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/pc"
)

// protect makes notes a protected app: the sealed store for a verb that is allowed
// now, or an error that says why it is not. For what is done already there is none.
func protect(ctx context.Context, verb string, out io.Writer) (*sdk.Vault, error) {
	app, err := pc.New("com.example.notes", "1.0")
	if err != nil {
		return nil, err
	}
	switch verb {
	case "sign-in":
		return nil, app.Enroll(ctx)
	case "sign-out":
		return nil, app.SignOut(ctx)
	case "watch":
		return nil, app.Run(ctx) // obeys at once; the other verbs when they start
	}
	d, _ := app.Sync(ctx)         // offline, the decision is that of the policy that is kept
	for _, r := range d.Reasons { // allow, warn, block or wipe
		fmt.Fprintln(out, r.Action+":", r.Text, r.Steps)
	}
	if asks, ok := map[string]sdk.Transfer{"export": sdk.Send, "import": sdk.Receive, "print": sdk.Print}[verb]; ok && d.Allowed() {
		if allowed, why := app.May(asks); !allowed {
			return nil, errors.New(why)
		}
	}
	return app.Vault(), nil
}
