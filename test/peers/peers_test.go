package peers_test

import (
	"slices"
	"syscall"
	"testing"

	"github.com/postern-mam/postern/test/peers"
)

var engines = map[string]func([]peers.Policy, []peers.SignIn) (peers.Engine, error){
	"postern": peers.NewOurs, "opa": peers.NewOPA, "opa-rules": peers.NewOPARules, "cedar-go": peers.NewCedar, "cel-go": peers.NewCEL, "casbin": peers.NewCasbin,
}

const (
	policies = 200
	signIns  = 10_000
)

func engine(t testing.TB, name string, policies []peers.Policy, signIns []peers.SignIn) peers.Engine {
	e, err := engines[name](policies, signIns)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// All agree on every outcome and, where they tell, on every policy that is not
// satisfied. Casbin tells only whether somebody gets in.
func TestAllAgreeOnEveryOutcome(t *testing.T) {
	rules, people := peers.Policies(policies), peers.SignIns(signIns)
	ours := engine(t, "postern", rules, people)
	counts := map[peers.Outcome]int{}
	for i := range people {
		counts[ours.Answer(i).Outcome]++
	}
	t.Logf("%d sign-ins: %d granted, %d challenged, %d denied", len(people), counts[peers.Granted], counts[peers.Challenge], counts[peers.Denied])
	for o, n := range counts {
		if n < len(people)/20 {
			t.Errorf("outcome %d in %d of %d sign-ins: the work is lopsided", o, n, len(people))
		}
	}
	if len(counts) != 3 {
		t.Errorf("not every outcome occurs: %v", counts)
	}
	for name := range engines {
		if name == "postern" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			other := engine(t, name, rules, people)
			for i := range people {
				want, got := ours.Answer(i), other.Answer(i)
				agree := want.Outcome == got.Outcome && slices.Equal(want.Failing, got.Failing)
				if name == "casbin" {
					agree = (want.Outcome == peers.Granted) == (got.Outcome == peers.Granted)
				}
				if !agree {
					t.Fatalf("sign-in %d: ours is %+v, theirs %+v", i, want, got)
				}
			}
		})
	}
}

// cpu is the time that this process has worked, in nanoseconds.
func cpu(t testing.TB) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func benchmark(b *testing.B, name string, rules []peers.Policy) {
	people := peers.SignIns(signIns)
	e := engine(b, name, rules, people)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	for i := range b.N {
		e.Decide(i % len(people))
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
}

// The same 200 policies and 10,000 sign-ins, of people in 50 groups each.
func BenchmarkDecide(b *testing.B) {
	for _, name := range []string{"postern", "opa", "opa-rules", "cedar-go", "cel-go", "casbin"} {
		b.Run(name, func(b *testing.B) { benchmark(b, name, peers.Policies(policies)) })
	}
}

// 2,000 policies, of which the same few apply.
func BenchmarkDecideAmong2000(b *testing.B) {
	b.Run("postern", func(b *testing.B) { benchmark(b, "postern", peers.Padded(peers.Policies(policies), 2000)) })
}
