package sqldb

// Waiting is how many jobs wait for the writer.
func Waiting(db *DB) int { return len(db.writer.jobs) }

// Quitting reports whether Close has begun.
func Quitting(db *DB) bool {
	select {
	case <-db.writer.quit:
		return true
	default:
		return false
	}
}
