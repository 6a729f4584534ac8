package winver_test

import (
	"os"
	"testing"

	"golang.org/x/sys/windows/registry"

	"github.com/postern-mam/postern/internal/agent/winver"
)

// put writes values under HKLM as a PC would have them, and takes them away again.
func put(t *testing.T, path string, values map[string]any) {
	t.Helper()
	if os.Getenv("POSTERN_WINE") == "" {
		t.Skip("this writes to the registry of scripts/wine.sh, and to no PC's")
	}
	k, existed, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close() }()
	if !existed {
		t.Cleanup(func() { _ = registry.DeleteKey(registry.LOCAL_MACHINE, path) })
	}
	for name, value := range values {
		switch v := value.(type) {
		case string:
			err = k.SetStringValue(name, v)
		case int:
			err = k.SetDWordValue(name, uint32(v))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

const current = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`

func TestRevisionEditionAndModelAreReadFromTheRegistry(t *testing.T) {
	put(t, current, map[string]any{"UBR": 4317, "EditionID": "Core", "DisplayVersion": "23H2"})
	put(t, `HARDWARE\DESCRIPTION\System\BIOS`, map[string]any{"SystemManufacturer": " Contoso ", "SystemProductName": "Home PC 3"})
	if r := winver.Measure(); r.UBR != 4317 || r.Edition != "Core" || r.Display != "23H2" || r.Build == 0 {
		t.Errorf("%+v", r)
	}
	if pc := winver.Machine(); pc.Manufacturer != "Contoso" || pc.Model != "Home PC 3" || pc.Name == "" {
		t.Errorf("%+v", pc)
	}
}

func TestAPCIsJoinedToEntraByItsKeys(t *testing.T) {
	joined := func() bool {
		t.Helper()
		j, err := winver.Directory()
		if err != nil {
			t.Fatal(err)
		}
		return j.Joined()
	}
	if os.Getenv("POSTERN_WINE") == "" {
		t.Skip("this writes to the registry of scripts/wine.sh, and to no PC's")
	}
	if joined() {
		t.Fatal("a PC of nobody is joined")
	}
	put(t, `SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\A1B2C3`, map[string]any{"TenantId": "6f0c2d1e-0000-4000-8000-000000000001"})
	if !joined() {
		t.Error("joined to Entra, and not seen")
	}
}

func TestAPCIsManagedByItsEnrolments(t *testing.T) {
	managed := func() bool {
		t.Helper()
		said, all, err := winver.Management()
		if err != nil {
			t.Fatal(err)
		}
		return winver.Managed(said, all)
	}
	const under = `SOFTWARE\Microsoft\Enrollments\`
	const service = "https://enrollment.example/discovery.svc"
	put(t, under+"18DCFFD4-37D6-4BC6-87E0-4266FDBB8E49", map[string]any{"EnrollmentState": 1, "EnrollmentType": 18, "ProviderID": "Local_Management"})
	put(t, under+"9F1C1E5B-0000-4000-8000-000000000005", map[string]any{"EnrollmentState": 1, "EnrollmentType": 5, "DiscoveryServiceFullURL": service})
	if managed() {
		t.Error("keys of Windows and a management of apps alone count")
	}
	put(t, under+"9F1C1E5B-0000-4000-8000-000000000006", map[string]any{"EnrollmentState": 1, "EnrollmentType": 6, "ProviderID": "MS DM Server", "DiscoveryServiceFullURL": service})
	if !managed() {
		t.Error("managed, and not seen")
	}
}
