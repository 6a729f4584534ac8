package main

import "context"

type diagnoseCmd struct{}

func (diagnoseCmd) run(ctx context.Context, s session) error {
	defer s.waiting("measuring this PC")()
	return printJSON(s.out, s.client.Diagnostics(ctx))
}
