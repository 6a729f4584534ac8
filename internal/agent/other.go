//go:build !windows

package agent

import "github.com/postern-mam/postern/sdk"

// System is what measures this PC: nothing does here.
func System() sdk.HealthSource { return Unmeasured{} }

// Release names the system as people know it; "" where that is not known.
func Release() string { return "" }
