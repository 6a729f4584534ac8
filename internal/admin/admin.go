// Package admin administers: directory, policies, connectors; and who may.
package admin
