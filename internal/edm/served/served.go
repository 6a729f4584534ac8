// Package served is the data model that the Graph door serves: which of Microsoft
// Graph's types and properties there are here, as tables.
//
// Names, types and nullability are facts of Microsoft Graph, v1.0 and beta; a
// test holds them against its metadata. Which of them we declare, and the
// extension "postern", is ours.
package served

import "github.com/postern-mam/postern/internal/edm"

// Model returns what is served in "v1.0" or "beta", and nil for any other
// version. It reads the tables anew, which takes about a millisecond: callers
// keep what they get.
func Model(version string) *edm.Model {
	if version != "v1.0" && version != "beta" {
		return nil
	}
	m, _ := edm.Declare(version, directoryTypes, appTypes, settingTypes, managementTypes, accessTypes, demandTypes, logTypes, enumTypes, container) // a test finds both sound
	return m
}
