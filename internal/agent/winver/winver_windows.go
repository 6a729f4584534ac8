package winver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Where Windows keeps what is read here, under HKEY_LOCAL_MACHINE.
const (
	currentVersion = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	bios           = `HARDWARE\DESCRIPTION\System\BIOS`
	cloudJoins     = `SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo`
	enrolments     = `SOFTWARE\Microsoft\Enrollments`
)

// Measure tells what Windows this is.
func Measure() Release {
	v := windows.RtlGetVersion()
	r := Release{Major: v.MajorVersion, Minor: v.MinorVersion, Build: v.BuildNumber}
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, currentVersion, registry.QUERY_VALUE); err == nil {
		defer func() { _ = k.Close() }()
		ubr, _, _ := k.GetIntegerValue("UBR")
		r.UBR, r.Edition, r.Display = uint32(ubr), text(k, "EditionID"), text(k, "DisplayVersion")
	}
	return r
}

// Machine names the PC.
func Machine() PC {
	var pc PC
	pc.Name, _ = os.Hostname()
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, bios, registry.QUERY_VALUE); err == nil {
		defer func() { _ = k.Close() }()
		pc.Manufacturer, pc.Model = text(k, "SystemManufacturer"), text(k, "SystemProductName")
	}
	return pc
}

// text returns a value without what firmware puts around it, or "".
func text(k registry.Key, name string) string {
	s, _, _ := k.GetStringValue(name)
	return strings.TrimSpace(s)
}

// Directory tells what directories the PC belongs to. On doubt it is an error.
func Directory() (Join, error) {
	var j Join
	var name *uint16
	if err := windows.NetGetJoinInformation(nil, &name, &j.Status); err != nil {
		return j, fmt.Errorf("NetGetJoinInformation: %w", err)
	}
	_ = windows.NetApiBufferFree((*byte)(unsafe.Pointer(name)))
	j.EntraType, j.EntraKnown = entra()
	keys, err := subkeys(cloudJoins)
	j.EntraKeys = len(keys)
	return j, err
}

// entra asks for the join of the PC (lmjoin.h); a Windows that cannot answer is not known.
func entra() (kind uint32, known bool) {
	dll := windows.NewLazySystemDLL("netapi32.dll")
	ask, free := dll.NewProc("NetGetAadJoinInformation"), dll.NewProc("NetFreeAadJoinInformation")
	if ask.Find() != nil || free.Find() != nil {
		return 0, false
	}
	var info *uint32 // DSREG_JOIN_INFO, whose first member is the type
	if result, _, _ := ask.Call(0, uintptr(unsafe.Pointer(&info))); uint32(result) != 0 {
		return 0, false
	}
	if info == nil {
		return 0, true
	}
	kind = *info
	_, _, _ = free.Call(uintptr(unsafe.Pointer(info)))
	return kind, true
}

// Management tells what Windows says of MDM, for Managed. On doubt it is an error.
func Management() (Registered, []Enrolment, error) {
	keys, err := subkeys(enrolments)
	if err != nil {
		return Registered{}, nil, err
	}
	var all []Enrolment
	for _, name := range keys {
		k, err := registry.OpenKey(registry.LOCAL_MACHINE, enrolments+`\`+name, registry.QUERY_VALUE)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Registered{}, nil, fmt.Errorf("%s: %w", enrolments, err)
		}
		e := Enrolment{Discovery: text(k, "DiscoveryServiceFullURL")}
		e.State, _, _ = k.GetIntegerValue("EnrollmentState")
		e.Kind, _, err = k.GetIntegerValue("EnrollmentType")
		e.HasKind = err == nil
		_ = k.Close()
		all = append(all, e)
	}
	return registered(), all, nil
}

func registered() Registered {
	ask := windows.NewLazySystemDLL("mdmregistration.dll").NewProc("IsDeviceRegisteredWithManagement")
	if ask.Find() != nil {
		return Registered{}
	}
	var yes int32
	result, _, _ := ask.Call(uintptr(unsafe.Pointer(&yes)), 0, 0)
	return Registered{Known: uint32(result) == 0, Yes: yes != 0}
}

// subkeys names the keys under one that need not be there.
func subkeys(path string) ([]string, error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.ENUMERATE_SUB_KEYS)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = k.Close() }()
	return k.ReadSubKeyNames(-1)
}
