// Command ratios times the engines in turn, again and again, and prints how many
// times the processor time of Postern's evaluator each needs for a decision: the
// least, the middle and the most of all rounds. What else the machine does moves
// both sides of a ratio.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/postern-mam/postern/test/peers"
)

func main() {
	rounds := flag.Int("rounds", 9, "how many times")
	each := flag.Duration("each", 200*time.Millisecond, "processor time for each engine in each round, about")
	flag.Parse()
	if err := run(*rounds, *each); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

type contender struct {
	peers.Engine
	batch  int // decisions in a round
	next   int
	times  []float64 // nanoseconds for a decision, by round
	ratios []float64
}

func run(rounds int, each time.Duration) error {
	policies, people := peers.Policies(200), peers.SignIns(10_000)
	var all []*contender
	for _, build := range []func([]peers.Policy, []peers.SignIn) (peers.Engine, error){
		peers.NewOurs, padded, peers.NewCEL, peers.NewCasbin, peers.NewCedar, peers.NewOPARules, peers.NewOPA,
	} {
		e, err := build(policies, people)
		if err != nil {
			return err
		}
		all = append(all, &contender{Engine: e})
	}
	for _, c := range all {
		for c.batch = 1; c.time(len(people)) < each/2; c.batch *= 2 {
		}
	}
	for range rounds {
		for _, c := range all {
			c.times = append(c.times, float64(c.time(len(people)))/float64(c.batch))
			c.ratios = append(c.ratios, c.times[len(c.times)-1]/all[0].times[len(all[0].times)-1])
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "engine\tus a decision\tratio, least\tmiddle\tmost\t")
	for i, c := range all {
		slices.Sort(c.times)
		slices.Sort(c.ratios)
		name := c.Name()
		if i == 1 {
			name += ", 2000 policies"
		}
		fmt.Fprintf(out, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", name, c.times[len(c.times)/2]/1e3, c.ratios[0], c.ratios[len(c.ratios)/2], c.ratios[len(c.ratios)-1])
	}
	return out.Flush()
}

// padded is ours among 2,000 policies of which the same few apply.
func padded(policies []peers.Policy, people []peers.SignIn) (peers.Engine, error) {
	return peers.NewOurs(peers.Padded(policies, 2000), people)
}

// time is the processor time of one batch.
func (c *contender) time(people int) time.Duration {
	before := worked()
	for range c.batch {
		c.Decide(c.next % people)
		c.next++
	}
	return worked() - before
}

func worked() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
