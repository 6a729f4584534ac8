// Package filter is the expression language of $filter: it parses a text once
// and tells of JSON values whether they match. It is pure.
//
// # Errors
//
// Every error is a fault.Invalid whose detail names the position, what stands
// there and what would be valid.
//
// # Sources
//
// OData Version 4.01 Part 2: URL Conventions, section 5.1.1, and its ABNF;
// Microsoft Graph, "Use the $filter query parameter". Leniency follows Graph:
// operators, functions and property names in any case, "graph." for
// "microsoft.graph.".
package filter
