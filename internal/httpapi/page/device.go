package page

import "net/http"

// UserCode asks for the code that a device shows.
type UserCode struct {
	Organization string
	Action       string
	Code         string // filled in already; it still has to be sent
	Error        string // one sentence; empty: none
}

// WriteUserCode renders v with the given status.
func WriteUserCode(w http.ResponseWriter, status int, v UserCode) {
	write(w, status, "userCode", sheet{Title: "Sign in a device", Brand: v.Organization, Alert: v.Error != "", View: v, forms: true})
}

// Device asks whether the device that waits is the person's own.
type Device struct {
	Flow         string
	Organization string
	UserName     string
	Client       string // the name of the app on the device
	Action       string
}

// WriteDevice renders v with the given status.
func WriteDevice(w http.ResponseWriter, status int, v Device) {
	write(w, status, "device", sheet{Title: "Is it your device?", Brand: v.Organization, View: v, forms: true})
}
