// Package bench measures the real binary beside others: a bare handler that
// keeps nothing, and NanoMDM. Rounds alternate, so that whatever else the
// machine does hits both; what is printed are ratios and, from the kernel's own
// accounting, the processor time that a server spends on one request. Nothing
// here fails for being slow.
//
// It is a module of its own so that what it measures against stays out of the
// product's dependencies. POSTERN_ROUNDS and POSTERN_ROUND (milliseconds) set
// how many rounds and how long; without them it is a quick check that
// everything answers.
package bench_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// connections is how many requests are under way at once.
const connections = 8

// number reads a size from the environment.
func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contestant is one of the servers that take turns.
type contestant struct {
	name string
	pid  int // of the server
	addr string
	tls  bool
	// reference: the others are measured by this one.
	reference bool
	// requests makes about n requests for every connection.
	requests func(n int) [][][]byte
}

// score is what one round came to.
type score struct {
	rate float64       // requests a second
	cpu  time.Duration // of the server, for one request
	sys  time.Duration // of that, in the kernel
}

// compete lets the contestants take turns, and prints what each came to, with
// the ratios of all others to the references, round by round.
func compete(t *testing.T, all ...contestant) {
	t.Helper()
	rounds, long := number("POSTERN_ROUNDS", 1), time.Duration(number("POSTERN_ROUND", 200))*time.Millisecond
	scores := make([][]score, len(all))
	for range rounds {
		for i, c := range all {
			expected := 3 * int(long.Seconds()*1000) / connections
			if n := len(scores[i]); n > 0 {
				expected = int(1.5*scores[i][n-1].rate*long.Seconds())/connections + 10
			}
			scores[i] = append(scores[i], turn(t, c, expected, long))
		}
	}
	for i, c := range all {
		rate, cpu := spread(scores[i], func(s score) float64 { return s.rate }), spread(scores[i], func(s score) float64 { return float64(s.cpu.Microseconds()) })
		sys := spread(scores[i], func(s score) float64 { return float64(s.sys.Microseconds()) })
		t.Logf("%-26s %s requests/s; %s µs of processor time in the server for each, %s of that in the kernel", c.name, rate, cpu, sys)
	}
	for i, c := range all {
		for j, other := range all {
			if c.reference || !other.reference {
				continue
			}
			rates, cpus := make([]score, rounds), make([]score, rounds)
			for r := range rounds {
				rates[r].rate = scores[i][r].rate / scores[j][r].rate
				cpus[r].rate = float64(scores[i][r].cpu) / float64(max(1, scores[j][r].cpu))
			}
			of := func(s score) float64 { return s.rate }
			t.Logf("%s / %s: requests/s %s, processor time %s", c.name, other.name, ratio(rates, of), ratio(cpus, of))
		}
	}
	t.Logf("median (least to most) of %d rounds of %s, %d connections; load average %s", rounds, long, connections, loadAverage())
}

func spread(all []score, of func(score) float64) string { return print(all, of, "%.0f") }
func ratio(all []score, of func(score) float64) string  { return print(all, of, "%.2f") }

// print is minimum, median and maximum.
func print(all []score, of func(score) float64, verb string) string {
	v := make([]float64, len(all))
	for i, s := range all {
		v[i] = of(s)
	}
	slices.Sort(v)
	return fmt.Sprintf(verb+" ("+verb+" to "+verb+")", v[len(v)/2], v[0], v[len(v)-1])
}

// loadAverage is how busy this machine is, where it tells.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// processors is the time that a process has spent on processors so far, and how
// much of it in the kernel; 0 where the system does not tell. Linux counts in
// hundredths of a second.
func processors(pid int) (all, kernel time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, time.Duration(system) * 10 * time.Millisecond
}
