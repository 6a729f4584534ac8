// Package agent holds the device-side adapters: what measures a PC.
//
// Windows is measured by asking it (wsc, winver). The development adapter reads
// made-up health from a file and says so in every report; the service counts such
// reports only where a tenant allows it.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// Development reads health from a JSON file, afresh at every measurement.
type Development struct {
	Path string
}

// file is the health that a developer makes up.
type file struct {
	DisplayName  string            `json:"displayName"`
	OSVersion    string            `json:"osVersion"`
	Model        string            `json:"model"`
	Manufacturer string            `json:"manufacturer"`
	Management   wire.Management   `json:"management"`
	Providers    map[string]string `json:"providers"`
}

// Measure returns what the file says, as the adapter "development".
func (d Development) Measure(context.Context) (sdk.Measurement, error) {
	doc, err := os.ReadFile(d.Path)
	if err != nil {
		return sdk.Measurement{}, err
	}
	var f file
	if err := json.Unmarshal(doc, &f); err != nil {
		return sdk.Measurement{}, fmt.Errorf("%s: %w; want {\"osVersion\": \"10.0.22631.3155\", \"providers\": {\"antivirus\": \"good\"}}", d.Path, err)
	}
	if f.OSVersion == "" {
		return sdk.Measurement{}, fmt.Errorf("%s: osVersion is missing; want for example \"10.0.22631.3155\"", d.Path)
	}
	if f.DisplayName == "" {
		f.DisplayName = "development PC"
	}
	return sdk.Measurement{
		Adapter: "development", DisplayName: f.DisplayName, OSVersion: f.OSVersion, Model: f.Model, Manufacturer: f.Manufacturer,
		Management: f.Management, Providers: f.Providers,
	}, nil
}

// Unmeasured stands where no adapter exists: health is unknown, and unknown is
// never healthy.
type Unmeasured struct{}

// Measure always fails and says what to do.
func (Unmeasured) Measure(context.Context) (sdk.Measurement, error) {
	return sdk.Measurement{}, errors.New("only Windows can be measured, and this is none; for a trial give --development-health FILE, in a tenant that allows it")
}
