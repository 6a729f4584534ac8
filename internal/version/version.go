// Package version parses and compares dotted versions of Windows, apps and SDKs.
//
// A version is one to four numbers; missing ones count as zero. Windows prints
// two spellings of the same build: "10.0.22631.3155" and, in winver,
// "22631.3155". ParseWindows accepts both. The zero Version means "unknown".
package version

// Version is up to four numbers, most significant first. It is comparable.
type Version [4]uint32
