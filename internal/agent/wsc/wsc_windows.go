package wsc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// provider is one WSC_SECURITY_PROVIDER under its name in the protocol.
type provider struct {
	name string
	bit  uint32
}

// providers are asked about one by one: a question about several has one answer.
// Antispyware (8) is no provider of its own since Windows 8, where antivirus is both.
func providers() []provider {
	return []provider{
		{"firewall", 1}, {"autoUpdate", 2}, {"antivirus", 4}, {"internetSettings", 16}, {"userAccountControl", 32}, {SecurityCenter, 64},
	}
}

// Health returns the raw state of every provider, by its name in the protocol. A
// PC without Security Center, such as Windows Server, has unknown ones alone.
func Health() map[string]string {
	ask := windows.NewLazySystemDLL("wscapi.dll").NewProc("WscGetSecurityProviderHealth")
	missing := ask.Find() != nil
	states := map[string]string{}
	for _, p := range providers() {
		states[p.name] = Unknown
		if missing {
			continue
		}
		var health uint32
		result, _, _ := ask.Call(uintptr(p.bit), uintptr(unsafe.Pointer(&health)))
		states[p.name] = State(p.name, Answer{Result: uint32(result), Health: health}, windows.DurationSinceBoot())
	}
	return states
}

// Watch calls changed after every change that Security Center tells of, until ctx
// ends, and then returns ctx's error. Any other error says why nothing is told.
//
// Windows calls back on a thread of its own. Go code that runs on such a thread
// needs a callback, which is never freed; Windows' own SetEvent has the very shape
// that is called (one pointer in, a number out), so it is called instead, with an
// event that a goroutine waits for.
func Watch(ctx context.Context, changed func()) error {
	dll := windows.NewLazySystemDLL("wscapi.dll")
	register, unregister := dll.NewProc("WscRegisterForChanges"), dll.NewProc("WscUnRegisterChanges")
	setEvent := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetEvent")
	if err := errors.Join(register.Find(), unregister.Find(), setEvent.Find()); err != nil {
		return err
	}
	event, err := windows.CreateEvent(nil, 0, 0, nil) // set once however often it is set before somebody looks
	if err != nil {
		return err
	}
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return errors.Join(err, windows.CloseHandle(event))
	}
	var registration windows.Handle
	result, _, _ := register.Call(0, uintptr(unsafe.Pointer(&registration)), setEvent.Addr(), uintptr(event))
	if result != ok {
		return errors.Join(fmt.Errorf("no changes are told by Windows Security Center: 0x%08x", uint32(result)), windows.CloseHandle(event), windows.CloseHandle(stop))
	}
	ended := make(chan struct{})
	wake := context.AfterFunc(ctx, func() { _ = windows.SetEvent(stop); close(ended) })
	for err == nil && ctx.Err() == nil {
		var which uint32
		which, err = windows.WaitForMultipleObjects([]windows.Handle{stop, event}, false, windows.INFINITE)
		if err == nil && which == windows.WAIT_OBJECT_0+1 {
			changed()
		}
	}
	if !wake() {
		<-ended // it holds the handle
	}
	_, _, _ = unregister.Call(uintptr(registration)) // returns when nobody calls any more
	runtime.KeepAlive(&registration)
	return errors.Join(ctx.Err(), err, windows.CloseHandle(event), windows.CloseHandle(stop))
}
