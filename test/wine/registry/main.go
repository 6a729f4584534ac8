//go:build windows

// Command registry writes to Wine's registry what its standard input says, one
// value a line: key under HKEY_CURRENT_USER or HKEY_LOCAL_MACHINE, name, and a
// number or a text, parted by tabs. It answers each line with "ok" once it is done.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/windows/registry"
)

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := write(lines.Text()); err != nil {
			fmt.Fprintln(os.Stderr, lines.Text(), err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, "ok")
	}
}

func write(line string) error {
	f := strings.Split(line, "\t")
	if len(f) != 4 || os.Getenv("WINEPREFIX") == "" {
		return fmt.Errorf("want root, key, name and value, under Wine")
	}
	root := map[string]registry.Key{"HKCU": registry.CURRENT_USER, "HKLM": registry.LOCAL_MACHINE}[f[0]]
	k, _, err := registry.CreateKey(root, f[1], registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer func() { _ = k.Close() }()
	if n, err := strconv.ParseUint(f[3], 0, 32); err == nil && !strings.HasPrefix(f[2], "Current") {
		return k.SetDWordValue(f[2], uint32(n))
	}
	return k.SetStringValue(f[2], f[3])
}
