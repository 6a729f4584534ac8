package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/postern-mam/postern/internal/browserpolicy"
)

type policiesCmd struct {
	For    string `help:"edge or chrome." enum:"edge,chrome" default:"edge"`
	Format string `help:"json, or registry: a file for regedit." enum:"json,registry" default:"json"`
	File   string `help:"Where to write; standard output without it." type:"path"`
}

// run writes policies for a browser that is used for work only. Nothing is applied.
func (c *policiesCmd) run(_ context.Context, s session) error {
	p := s.client.Protection()
	var configuration []browserpolicy.Setting
	for _, v := range p.Configuration {
		if v.Typed {
			configuration = append(configuration, browserpolicy.Setting{Name: v.Name, Value: v.Value})
		}
	}
	browser := browserpolicy.Browser(c.For)
	policies, skipped, err := browserpolicy.For(browser, p.Settings, configuration)
	if err != nil {
		return err
	}
	doc := browserpolicy.JSON(policies)
	if c.Format == "registry" {
		doc = browserpolicy.Registry(browser, policies)
	}
	if c.File == "" {
		_, err = s.out.Write(doc)
	} else {
		err = os.WriteFile(c.File, doc, 0o600)
	}
	if len(skipped) > 0 {
		fmt.Fprintf(s.err, "note: %s has nothing like %s\n", c.For, strings.Join(skipped, ", "))
	}
	fmt.Fprintln(s.err, "note: these hold for the whole browser of this Windows user, personal sites as well; use them only where the browser is for work alone. Nothing was applied.")
	return err
}
