package storetest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/postern-mam/postern/internal/store"
)

// crowdBatch keeps SQLite's log small.
const crowdBatch = 60_000

// Original is the registration that a crowd is made of.
type Original struct{ Tenant, Registration string }

// Crowd adds n registrations to a database that may be open elsewhere: three for
// every person, each person with a device. They look like the original with its
// user and device, but for identifiers, which are r-0000000, user-0000000,
// pc-0000000 and so on, and for three apps. SQL alone does it, in a minute or two
// for a million; none of the rooms' rules is asked.
func Crowd(t testing.TB, o store.Options, like Original, n int) {
	t.Helper()
	var statements []statement
	for from := 0; from < n; from += crowdBatch {
		for _, text := range crowd(from, min(n, from+crowdBatch)) {
			statements = append(statements, statement{text, []any{like.Tenant, like.Registration}})
		}
	}
	run(t, o, statements)
}

// SignIns adds n entries to the sign-in log of a tenant, one a second: of 1,000
// users, 100 apps and n requests. One in fifty was refused.
func SignIns(t testing.TB, o store.Options, tenant string, n int) {
	t.Helper()
	var statements []statement
	for from := 0; from < n; from += crowdBatch {
		statements = append(statements, statement{fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM numbers WHERE i < %d)
			INSERT INTO sign_ins (tenant, id, at, user_id, user_name, client_id, correlation_id, code, doc)
			SELECT $1, 's-' || i, 1767603600000 + i * 1000, 'user-' || (i %% 1000), 'user-' || (i %% 1000) || '@contoso.example', 'app-' || (i %% 100),
			'request-' || i, CASE i %% 50 WHEN 0 THEN 53003 ELSE 0 END, '{"ID":"s-' || i || '"}' FROM numbers`, from, min(n, from+crowdBatch)-1), []any{tenant}})
	}
	run(t, o, statements)
}

type statement struct {
	text string
	args []any
}

// run runs statements beside the store.
func run(t testing.TB, o store.Options, statements []statement) {
	t.Helper()
	driver, source := "pgx", o.DatabaseURL
	if source == "" {
		driver, source = "sqlite", "file:"+o.Path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s.text, s.args...); err != nil {
			t.Fatal(err)
		}
	}
	if driver == "pgx" { // as its autovacuum would before long
		if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
	}
}

// crowd are the statements for registrations from and up to another; both are
// multiples of three, but for the last.
func crowd(from, to int) []string {
	numbers := func(from, to int) string {
		return fmt.Sprintf("WITH RECURSIVE numbers (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) ", from, to-1)
	}
	people := numbers(from/3, (to+2)/3)
	replaced := func(doc string, pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			doc = fmt.Sprintf(`replace(%s, '"' || %s || '"', '"' || %s || '"')`, doc, pairs[i], pairs[i+1])
		}
		return doc
	}
	named := func(prefix, number string) string {
		return fmt.Sprintf("'%s-' || substr(CAST(10000000 + %s AS TEXT), 2)", prefix, number)
	}
	user, device, of, on, id := named("user", "i"), named("pc", "i"), named("user", "i / 3"), named("pc", "i / 3"), named("r", "i")
	return []string{
		people + "INSERT INTO users (tenant, id, name, revision, doc) SELECT u.tenant, " + user + ", " + user + " || '@crowd.example', 1, " +
			replaced("u.doc", "u.id", user) + " FROM registrations g, users u, numbers WHERE g.tenant = $1 AND g.id = $2 AND u.tenant = g.tenant AND u.id = g.user_id",
		people + "INSERT INTO devices (tenant, id, name, jkt, revision, doc) SELECT d.tenant, " + device + ", " + device + ", " + device + ", 1, " +
			replaced("d.doc", "d.id", device, "g.user_id", user, "d.jkt", device) + " FROM registrations g, devices d, numbers WHERE g.tenant = $1 AND g.id = $2 AND d.tenant = g.tenant AND d.id = g.device_id",
		numbers(from, to) + "INSERT INTO registrations (tenant, id, user_id, device_id, app, ended_at, seen_day, revision, doc) SELECT g.tenant, " +
			strings.Join([]string{id, of, on, "g.app || (i % 3)", "g.ended_at", "g.seen_day", "1"}, ", ") + ", " +
			replaced("g.doc", "g.id", id, "g.user_id", of, "g.device_id", on, "g.app", "g.app || (i % 3)") + " FROM registrations g, numbers WHERE g.tenant = $1 AND g.id = $2",
	}
}
