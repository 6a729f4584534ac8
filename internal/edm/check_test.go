package edm_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm/served"
)

// object decodes JSON twice, as the two ways of encoding/json would.
func objects(t testing.TB, text string) []map[string]any {
	t.Helper()
	var plain, exact map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&exact); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := json.Unmarshal([]byte(text), &plain); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return []map[string]any{plain, exact}
}

// verdict compares faults with what they must contain, in order.
func verdict(t *testing.T, what string, faults []string, want ...string) {
	t.Helper()
	ok := len(faults) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(faults[i], want[i])
	}
	if !ok {
		t.Errorf("%s\n got %q\nwant %q", what, faults, want)
	}
}

func TestAValueOfItsTypePassesBothWays(t *testing.T) {
	m := parsed(t, zoo)
	for _, text := range []string{
		`{}`, `{"colour":"red","skills":"swim,fly"}`, `{"skills":"swim, fly"}`, `{"skills":null,"home":null,"mate":null}`,
		`{"home":{"@odata.type":"#microsoft.graph.cage","size":3,"bars":-4}}`, `{"home":{"@odata.type":"#microsoft.graph.night.nest","size":3}}`,
		`{"bag":{"anything":[1]}}`, `{"names":[null,"a"],"rings":[1,-2]}`, `{"names":[]}`, `{"byte":255,"long":9223372036854774784}`,
		`{"weight":1.5}`, `{"weight":"INF"}`, `{"weight":"-INF"}`, `{"weight":"NaN"}`, `{"long":1e3}`,
		`{"born":"2026-01-31T12:00:00Z"}`, `{"born":"2026-01-31T12:00:00.1234567-08:30"}`, `{"born":"0001-01-01T00:00:00Z"}`,
		`{"day":"2028-02-29","fed":"23:59:59.5"}`, `{"fed":"07:30"}`,
		`{"flight":"PT12H"}`, `{"flight":"P90D"}`, `{"flight":"-P1DT2H3M4.5S"}`, `{"flight":"PT720M"}`,
		`{"tag":"01234567-89AB-cdef-0123-456789abcdef","photo":"AQID_-+/=="}`, `{"free":[{}],"tame":true}`, `{"free":null}`,
		`{"chicks":[{"colour":"grey","chicks":[]},{"@odata.type":"#microsoft.graph.penguin"}],"mate":{"@odata.type":"#microsoft.graph.bird"}}`,
		`{"chicks@odata.context":"x","names@odata.type":"#Collection(String)","@odata.etag":"y","@microsoft.graph.tips":"z","postern":7}`,
		`{"extension_0123_shoeSize":"x","ext4_x":{}}`,
	} {
		for _, v := range objects(t, text) {
			verdict(t, text+" as an answer", m.CheckOut("bird", v))
			verdict(t, text+" as a request", m.CheckIn("bird", v))
		}
	}
}

func TestAValueOutsideItsTypeIsRefusedBothWays(t *testing.T) {
	m := parsed(t, zoo)
	for text, want := range map[string]string{
		`{"colour":"pink"}`:                 `colour: "pink" is not valid; valid: one of red, green, blue, grey`,
		`{"colour":0}`:                      `colour: 0 is not valid`,
		`{"skills":"run"}`:                  `skills: "run" is not valid; valid: one or more, with commas between, of swim, fly`,
		`{"home":[{}]}`:                     `home: [{}] is not valid; valid: an object of place`,
		`{"home":{"size":1}}`:               `home: place is abstract and needs an @odata.type; valid: #microsoft.graph.cage, #microsoft.graph.night.lair, #microsoft.graph.night.nest`,
		`{"names":"a"}`:                     `names: "a" is not valid; valid: a list, each element a string`,
		`{"names":["a",1]}`:                 `names[1]: 1 is not valid; valid: a string`,
		`{"rings":[null]}`:                  `rings[0]: null is not valid; valid: a whole number of 32 bits`,
		`{"rings":[2147483648]}`:            `rings[0]: 2147483648 is not valid`,
		`{"rings":[0.5]}`:                   `rings[0]: 0.5 is not valid`,
		`{"byte":-1}`:                       `byte: -1 is not valid; valid: a whole number from 0 to 255`,
		`{"byte":1e3}`:                      `byte: `,
		`{"long":1e19}`:                     `valid: a whole number of 64 bits`,
		`{"long":"7"}`:                      `long: "7" is not valid`,
		`{"weight":"much"}`:                 `weight: "much" is not valid; valid: a number`,
		`{"weight":true}`:                   `weight: true is not valid`,
		`{"born":"2026-01-31T12:00:00"}`:    `valid: a date and time with a zone`,
		`{"born":"2026-02-30T12:00:00Z"}`:   `born: "2026-02-30`,
		`{"born":"2026-01-31T12:00:00,5Z"}`: `born: `,
		`{"day":"31.1.2026"}`:               `valid: a date, for example 2026-01-31`,
		`{"fed":"24:00"}`:                   `valid: a time of day`,
		`{"flight":"P"}`:                    `valid: an ISO 8601 duration, for example PT12H`,
		`{"flight":"P1DT"}`:                 `flight: `,
		`{"flight":"P1M"}`:                  `flight: "P1M"`,
		`{"flight":"12h"}`:                  `flight: "12h"`,
		`{"tag":"{01234567-89ab-cdef-0123-456789abcdef}"}`: `valid: a GUID`,
		`{"photo":"a b"}`:   `valid: a base64 string`,
		`{"tame":"yes"}`:    `tame: "yes" is not valid; valid: true or false`,
		`{"chicks":{}}`:     `chicks: {} is not valid; valid: a list, each element an object of bird`,
		`{"chicks":[null]}`: `chicks[0]: null`,
		`{"chicks":[{"chicks":[{"colour":"x"}]}]}`:           `chicks[0].chicks[0].colour: "x"`,
		`{"mate":{"@odata.type":"#microsoft.graph.cage"}}`:   `mate.@odata.type: "#microsoft.graph.cage" is no kind of animal; valid: #microsoft.graph.bird, #microsoft.graph.penguin`,
		`{"mate":{"@odata.type":"#microsoft.graph.animal"}}`: `is no kind of animal`,
		`{"mate":{"@odata.type":"#microsoft.graph.fish"}}`:   `is no kind of animal`,
		`{"mate":{"@odata.type":7}}`:                         `mate.@odata.type: 7 is no kind of animal`,
		`{"@odata.type":"#microsoft.graph.cage"}`:            `@odata.type: "#microsoft.graph.cage" is no kind of bird`,
		`{"password":"hunter2"}`:                             `password: the value is not valid; valid: a whole number`,
		`{"tame":"` + strings.Repeat("ä", 50) + `"}`:         `... is not valid; valid: true or false`,
	} {
		for _, v := range objects(t, text) {
			verdict(t, text+" as an answer", m.CheckOut("bird", v), want)
			verdict(t, text+" as a request", m.CheckIn("bird", v), want)
		}
	}
}

func TestAnAnswerIsJudgedStricter(t *testing.T) {
	m := parsed(t, zoo)
	for text, want := range map[string]string{
		`{"colour":"RED"}`:       `colour: "RED" is not valid`,
		`{"skills":"Fly"}`:       `skills: "Fly" is not valid`,
		`{"colour":null}`:        `colour: null is not allowed; valid: one of red`,
		`{"names":null}`:         `names: null is not allowed; valid: a list, each element a string`,
		`{"chicks":null}`:        `chicks: null is not allowed`,
		`{"id":7}`:               `id: 7 is not valid`,
		`{"plumage":"soft"}`:     `plumage: bird has no such property`,
		`{"stray@annotation":1}`: `stray@annotation: bird has no such property`,
		`{"home":{"@odata.type":"#microsoft.graph.cage","size":1,"roof_x":2}}`: `home.roof_x: cage has no such property`,
		`{"@odata.type":"graph.penguin"}`:                                      `@odata.type: "graph.penguin" is no kind of bird`,
		`{"mate":{"@odata.id":"https://example/birds/1"}}`:                     `mate: animal is abstract`,
	} {
		for _, v := range objects(t, text) {
			verdict(t, text+" as an answer", m.CheckOut("bird", v), want)
			verdict(t, text+" as a request", m.CheckIn("bird", v))
		}
	}
}

func TestAnEmptyListForAnObjectIsNullInARequestAlone(t *testing.T) {
	m := parsed(t, zoo)
	for _, v := range objects(t, `{"home":[]}`) {
		verdict(t, "as an answer", m.CheckOut("bird", v), `home: [] is not valid; valid: an object of place`)
		if got := m.CheckIn("bird", v); len(got) > 0 {
			t.Errorf("as a request: %v", got)
		}
	}
}

func TestWhatJSONCannotHoldIsNeverValid(t *testing.T) {
	m := parsed(t, zoo)
	verdict(t, "a channel", m.CheckOut("bird", map[string]any{"tame": make(chan int)}), "tame: the value is not valid")
	verdict(t, "an infinite whole number", m.CheckIn("bird", map[string]any{"long": math.Inf(1)}), "long: the value is not valid")
	verdict(t, "a number that is none", m.CheckIn("bird", map[string]any{"long": json.Number("many")}), "long: the value is not valid")
}

func TestAnUnknownTypeIsAFault(t *testing.T) {
	m := parsed(t, zoo)
	verdict(t, "fish", m.CheckOut("fish", nil), `there is no type "fish"`)
	verdict(t, "fish", m.CheckIn("fish", nil), `there is no type "fish"`)
	verdict(t, "animal", m.CheckIn("animal", nil), `animal is abstract and needs an @odata.type`)
}

func TestFaultsComeInOrderAndHaveAnEnd(t *testing.T) {
	m := parsed(t, zoo)
	v := objects(t, `{"tame":1,"byte":2.5,"colour":"x"}`)[0]
	verdict(t, "three faults", m.CheckIn("bird", v), "byte: ", "colour: ", "tame: ")
	rings := make([]any, 1000)
	if faults := m.CheckIn("bird", map[string]any{"rings": rings}); len(faults) != 20 || !strings.HasPrefix(faults[19], "rings[19]: ") {
		t.Errorf("%d faults, the last %q", len(faults), faults[len(faults)-1])
	}
}

func TestAnActionNeedsWhatIsNotNullable(t *testing.T) {
	m := parsed(t, zoo)
	for text, want := range map[string][]string{
		`{"grams":5,"note":null,"extra":1}`: {},
		`{"note":"x"}`:                      {`grams: is missing; valid: a whole number of 32 bits`},
		`{"grams":null,"note":1}`:           {`grams: is missing`, `note: 1 is not valid; valid: a string`},
	} {
		for _, v := range objects(t, text) {
			verdict(t, text, m.CheckAction("penguin", "feed", v), want...)
		}
	}
	for _, name := range []string{"loudest", "fly"} {
		verdict(t, name, m.CheckAction("bird", name, nil), name+": no action of bird")
	}
}

func TestRequestsAsThePortalSendsThemPass(t *testing.T) {
	m := served.Model("beta")
	for _, text := range []string{
		`{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"Windows","pinRequired":"stray","contactSyncBlocked":3,
		  "allowedOutboundClipboardSharingLevel":"NONE","periodOfflineBeforeAccessCheck":"PT720M","apps@odata.context":"x","isAssigned":"stray",
		  "apps":[{"id":"x","mobileAppIdentifier":{"windowsAppId":"com.microsoft.edge","@odata.type":"#microsoft.graph.windowsAppIdentifier"}}],
		  "assignments":[{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"x"}}],"version":7,"description":null}`,
	} {
		verdict(t, text, m.CheckIn("windowsManagedAppProtection", objects(t, text)[0]))
	}
	wrong := objects(t, `{"apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":7}}],"mobileThreatDefenseRemediationAction":"explode"}`)[0]
	verdict(t, "a wrong request", m.CheckIn("windowsManagedAppProtection", wrong),
		`apps[0].mobileAppIdentifier.windowsAppId: 7 is not valid; valid: a string`,
		`mobileThreatDefenseRemediationAction: "explode" is not valid; valid: one of block, wipe, warn`)
	assign := objects(t, `{"assignments":[{"target":{"groupId":"x"}}]}`)[0]
	verdict(t, "an assignment", m.CheckAction("windowsManagedAppProtection", "assign", assign), "assignments[0].target: deviceAndAppManagementAssignmentTarget is abstract")
}

func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		`{"apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"x"}}]}`,
		`{"@odata.context":"https://h/beta/$metadata#users('x')/memberOf/$entity","value":[{"@odata.type":"#microsoft.graph.group"}]}`,
		`{"periodOfflineBeforeAccessCheck":"PT","printBlocked":1,"createdDateTime":"2026-13-01T00:00:00Z","id":null}`,
		`{"settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","choiceSettingValue":{"children":[]}}}]}`,
		`{"conditions":{"clientAppTypes":["all"],"users":{"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest,serviceProvider"}}}}`,
	} {
		f.Add("windowsManagedAppProtection", text)
		f.Add("#microsoft.graph.conditionalAccessPolicy", text)
	}
	m := served.Model("beta")
	f.Fuzz(func(t *testing.T, typ, text string) {
		var v map[string]any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		out, in := m.CheckOut(typ, v), m.CheckIn(typ, v)
		if len(out) == 0 && len(in) != 0 {
			t.Errorf("what may be answered cannot be sent back: %q", in)
		}
		if !slices.Equal(in, m.CheckIn(typ, v)) {
			t.Error("two checks of one body differ")
		}
		m.CheckAnswer(v)
		m.CheckAction(typ, "assign", v)
		m.At(text)
	})
}
