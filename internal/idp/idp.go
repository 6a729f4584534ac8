// Package idp signs users in and issues, renews and revokes tokens.
package idp
