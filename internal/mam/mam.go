// Package mam registers managed apps, hears their check-ins and tells them what
// to do next, selective wipes included.
package mam
