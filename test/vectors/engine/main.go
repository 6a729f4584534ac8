// Command engine is Postern's own engine as a program that the published vectors
// are run against. It reads a vector a line and writes an answer a line. Policies
// go the way on which the Graph API takes them in.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
	"github.com/postern-mam/postern/test/vectors"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers line by line until there is none left.
func serve(from io.Reader, to io.Writer) error {
	lines, out := bufio.NewReader(from), json.NewEncoder(to)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var v vectors.Vector
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		a, err := answer(v)
		if err != nil {
			return fmt.Errorf("%s: %w", v.ID, err)
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// answer decides one vector. Policies that may not be saved are an answer, too.
func answer(v vectors.Vector) (vectors.Answer, error) {
	rules, err := rulesOf(v)
	if err != nil {
		return vectors.Answer{}, err
	}
	for _, doc := range v.Policies {
		p, err := conditional.ReadPolicy(doc)
		if err == nil {
			err = access.Validate(p)
		}
		if err != nil {
			return vectors.Answer{ID: v.ID, Result: vectors.Refused}, nil
		}
		rules.Policies = append(rules.Policies, p)
	}
	if v.SignIn == nil {
		return vectors.Answer{}, errors.New("every policy may be saved, and there is no signIn")
	}
	facts, err := factsOf(*v.SignIn, v.Groups)
	if err != nil {
		return vectors.Answer{}, err
	}
	d := access.Compile(rules).Evaluate(&facts)
	return answerOf(v.ID, &d), nil
}

func answerOf(id string, d *access.Decision) vectors.Answer {
	results := map[access.Outcome]string{access.Granted: vectors.Granted, access.Challenge: vectors.Interrupted, access.Denied: vectors.Blocked}
	a := vectors.Answer{ID: id, Result: results[d.Outcome], ErrorCode: d.Code, MissingControls: texts(d.Missing.List()), Session: sessionOf(d.Session)}
	for _, p := range d.Applied() {
		said := vectors.Policy{ID: string(p.Policy), Result: p.Result.String(), UnmetControls: texts(p.Unmet)}
		for _, c := range p.NotMatched {
			said.ConditionsNotMet = append(said.ConditionsNotMet, c.String())
		}
		a.Policies = append(a.Policies, said)
	}
	return a
}

func sessionOf(n access.Session) *vectors.Session {
	if n == (access.Session{}) {
		return nil
	}
	out := &vectors.Session{
		PersistentBrowser: string(n.Persistent), CloudAppSecurity: string(n.CloudApps), ContinuousAccessEvaluation: string(n.Continuous),
		ApplicationEnforcedRestrictions: n.AppRestrictions, DisableResilienceDefaults: n.NoResilience, SecureSignInSession: n.TokenProtection,
	}
	if n.ReauthEveryTime || n.ReauthAfter > 0 {
		out.SignInFrequency = &vectors.Frequency{
			FrequencyInterval: "timeBased", Hours: int(n.ReauthAfter / time.Hour), AuthenticationType: "primaryAndSecondaryAuthentication",
		}
		if n.ReauthEveryTime {
			out.SignInFrequency.FrequencyInterval = "everyTime"
		}
		if n.SecondaryOnly {
			out.SignInFrequency.AuthenticationType = "secondaryAuthentication"
		}
	}
	return out
}

// rulesOf reads what the policies of a vector refer to.
func rulesOf(v vectors.Vector) (access.Rules, error) {
	r := access.Rules{DenyUncovered: v.DenyUncovered}
	for _, doc := range v.NamedLocations {
		l, err := locationOf(doc)
		if err != nil {
			return r, err
		}
		r.Locations = append(r.Locations, l)
	}
	for _, doc := range v.AuthenticationStrengths {
		var read struct {
			ID                  string
			AllowedCombinations []string
		}
		if err := json.Unmarshal(doc, &read); err != nil {
			return r, err
		}
		s := strength.Strength{ID: strength.ID(read.ID)}
		for _, text := range read.AllowedCombinations {
			c, err := strength.ParseCombination(text)
			if err != nil {
				return r, err
			}
			s.Combinations = append(s.Combinations, c)
		}
		r.Strengths = append(r.Strengths, s)
	}
	return r, nil
}

func locationOf(doc []byte) (location.Location, error) {
	var read struct {
		ID                                string
		IsTrusted                         bool
		IPRanges                          []struct{ CIDRAddress string }
		CountriesAndRegions               []string
		IncludeUnknownCountriesAndRegions bool
	}
	if err := json.Unmarshal(doc, &read); err != nil {
		return location.Location{}, err
	}
	l := location.Location{
		ID: location.ID(read.ID), Trusted: read.IsTrusted, Countries: read.CountriesAndRegions, UnknownCountries: read.IncludeUnknownCountriesAndRegions,
	}
	for _, text := range read.IPRanges {
		p, err := location.ParseRange(text.CIDRAddress)
		if err != nil {
			return l, err
		}
		l.Ranges = append(l.Ranges, p)
	}
	return l, nil
}

// factsOf says of a sign-in what the engine asks for.
func factsOf(in vectors.SignIn, nested []vectors.Group) (access.Facts, error) {
	f := access.Facts{
		Workload: directory.AppID(in.ServicePrincipal), Actions: typed[access.UserAction](in.UserActions), Contexts: typed[access.ContextID](in.AuthenticationContexts),
		Bootstrap: in.Bootstrap, ClientAppType: access.ClientAppType(in.ClientAppType), Platform: access.Platform(in.Platform), Country: in.Country,
		SignInRisk: access.Risk(in.SignInRiskLevel), UserRisk: access.Risk(in.UserRiskLevel), InsiderRisk: access.Risk(in.InsiderRiskLevel),
		WorkloadRisk: access.Risk(in.ServicePrincipalRiskLevel), Transfer: access.TransferMethod(in.TransferMethod),
		OriginalTransfer: access.TransferMethod(in.OriginalTransferMethod), AuthAt: in.SignedInAt, MFAAt: in.SecondFactorAt,
		PasswordChangedAt: in.PasswordChangedAt, Terms: typed[agreement.ID](in.TermsAccepted), CompliantApplication: in.AppProtected, Bound: in.TokenBound,
		Background: in.Background, Continues: in.Continues, Now: in.At,
	}
	if u := in.User; u != nil {
		f.User, f.Roles = directory.UserID(u.ID), typed[directory.RoleTemplateID](u.Roles)
		f.Groups = typed[directory.GroupID](everyGroup(u.Groups, nested))
		if u.Guest != nil {
			f.Guest, f.HomeTenant = directory.GuestKind(u.Guest.Type), directory.TenantID(u.Guest.HomeTenant)
		}
	}
	for _, r := range in.Resources {
		f.Resources = append(f.Resources, access.Resource{ID: directory.AppID(r.AppID), Groups: typed[access.AppGroup](r.Groups), Attributes: r.Attributes})
	}
	if in.Device != nil {
		f.Device = deviceOf(*in.Device)
	}
	var err error
	if in.IPAddress != "" {
		f.IP, err = netip.ParseAddr(in.IPAddress)
	}
	for _, m := range []struct {
		to    *strength.Methods
		words []string
	}{{&f.Methods, in.Methods}, {&f.Offers, in.MethodsOffered}} {
		for _, word := range m.words {
			method, wrong := strength.ParseCombination(word)
			*m.to, err = *m.to|method, errors.Join(err, wrong)
		}
	}
	return f, err
}

// everyGroup adds the groups in which groups lie, and so on.
func everyGroup(direct []string, nested []vectors.Group) []string {
	all := slices.Clone(direct)
	for i := 0; i < len(all); i++ {
		for _, g := range nested {
			for _, above := range g.MemberOf {
				if g.ID == all[i] && !slices.Contains(all, above) {
					all = append(all, above)
				}
			}
		}
	}
	return all
}

func deviceOf(in vectors.Device) *access.Device {
	d := &access.Device{
		ID: directory.DeviceID(in.DeviceID), DisplayName: in.DisplayName, TrustType: access.TrustType(in.TrustType), Compliant: in.IsCompliant,
		Managed: in.IsManaged, Ownership: in.DeviceOwnership, Manufacturer: in.Manufacturer, Model: in.Model,
		OperatingSystemVersion: in.OperatingSystemVersion, SystemLabels: in.SystemLabels,
	}
	for i := range d.ExtensionAttributes {
		d.ExtensionAttributes[i] = in.ExtensionAttributes[fmt.Sprintf("extensionAttribute%d", i+1)]
	}
	return d
}

func typed[W ~string](words []string) (out []W) {
	for _, w := range words {
		out = append(out, W(w))
	}
	return out
}

func texts[W ~string](words []W) (out []string) {
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}
