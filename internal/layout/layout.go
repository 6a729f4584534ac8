// Package layout holds no code: its tests keep the house as ARCHITECTURE.md
// draws it. They read every file of the repository and fail when imports point
// up or sideways, a package is missing from the plan or from the house, a
// function outgrows its budget, or something exported has no comment.
package layout
