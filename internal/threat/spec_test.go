package threat_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/threat"
)

var update = flag.Bool("update", false, "rewrite docs/spec/threat-states.md")

const page = "../../docs/spec/threat-states.md"

func TestThePageSaysWhatTheCodeDoes(t *testing.T) {
	want := render()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code does; run go test ./internal/threat -update", page)
	}
}

func render() string {
	var b strings.Builder
	b.WriteString(`# Threat states

Written by ` + "`go test ./internal/threat -update`" + `; a test fails when it differs from the code.

Microsoft publishes neither the states that Windows Security Center reports nor how they become a level.
This table is Postern's own. A threat connector reports states, never a level; the service grades them here.

## Predefined states

| state | level | what the person reads | steps |
|---|---|---|---|
`)
	for _, d := range threat.States() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.State, d.Level, d.Title, strings.Join(d.Steps, " "))
	}
	b.WriteString(`
## What an agent sees

An agent reports what each provider of Windows Security Center says and never a state. The service maps it:

| provider | good | poor | snoozed | notMonitored | unknown | not reported |
|---|---|---|---|---|---|---|
`)
	columns := []threat.ProviderState{threat.Good, threat.Poor, threat.Snoozed, threat.NotMonitored, threat.ProviderUnknown}
	for _, p := range []threat.Provider{threat.Antivirus, threat.Firewall, threat.AutoUpdate, threat.InternetSettings, threat.UserAccountControl, threat.SecurityCenter} {
		fmt.Fprintf(&b, "| %s |", p)
		for _, s := range columns {
			fmt.Fprintf(&b, " %s |", alone(p, func(m map[threat.Provider]threat.ProviderState) { m[p] = s }))
		}
		fmt.Fprintf(&b, " %s |\n", alone(p, func(m map[threat.Provider]threat.ProviderState) { delete(m, p) }))
	}
	b.WriteString(`
Windows calls an antivirus poor both when it is off and when its definitions are old, so poor means the worse of the two.
A provider that is not monitored hides at worst that it is off; for virus protection and firewall that is not good enough to name a level.

## What the agent makes of Windows' answers

Each provider is asked for by itself (` + "`WscGetSecurityProviderHealth`" + `), and the answer is passed on as it is:

| answer | reported |
|---|---|
| ` + "`S_OK`" + `, health 0, 1, 2, 3 | good, notMonitored, poor, snoozed |
| ` + "`S_OK`" + `, any other health | unknown |
| ` + "`S_FALSE`" + ` (the Security Center service does not run), from ten minutes after the start of Windows on | securityCenter is poor, every other provider unknown |
| ` + "`S_FALSE`" + ` before that: the service starts late on purpose | unknown |
| any other result | unknown |
| no ` + "`wscapi.dll`" + `, as on Windows Server | unknown |

Unknown is never good: it fails what asks for a level, and never wipes. A service that does not run is not merely unknown, because that is
what an attacker would have stopped.

## From states to a level

1. Without a connector that is enabled for Windows, threat data takes no part. Removing the connector clears its effect at once.
2. Threat data counts from Windows ` + threat.CountsFrom().String() + ` (Windows 11 23H2) on; on anything older the level is unknown.
3. A connector without a heartbeat for ` + "`partnerUnresponsivenessThresholdInDays`" + ` (default 7) is unresponsive: its signals are ignored and the agent's remain. If there are none, threat data takes no part.
4. With ` + "`windowsDeviceBlockedOnMissingPartnerData`" + ` the level is unknown while the connector is unresponsive or has not reported on this installation.
5. No signal at all is unknown.
6. Otherwise the strictest state of all sources decides, in the order secured, low, medium, unknown, high. High comes after unknown because nothing that unknown could hide is worse.

Unknown fails every policy that names a maximum level. A failure for want of knowledge blocks and never wipes.
`)
	return b.String()
}

func alone(p threat.Provider, change func(map[threat.Provider]threat.ProviderState)) string {
	seen := map[threat.Provider]threat.ProviderState{threat.Antivirus: threat.Good, threat.Firewall: threat.Good}
	change(seen)
	states := threat.FromProviders(seen)
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = "`" + string(s) + "`"
	}
	return strings.Join(names, ", ")
}
