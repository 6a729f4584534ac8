package conditional

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const (
	termsPath      = "identityGovernance/termsOfUse"
	agreementsPath = termsPath + "/agreements"
)

type agreementView struct {
	Type            string          `json:"@odata.type"`
	ID              string          `json:"id"`
	DisplayName     string          `json:"displayName"`
	TermsExpiration *expirationView `json:"termsExpiration"`
	Reaccept        *string         `json:"userReacceptRequiredFrequency"`
	MustView        bool            `json:"isViewingBeforeAcceptanceRequired"`
	PerDevice       bool            `json:"isPerDeviceAcceptanceRequired"`
}

type expirationView struct {
	StartDateTime *string `json:"startDateTime"`
	Frequency     *string `json:"frequency"`
}

type fileView struct {
	Type            string    `json:"@odata.type"`
	ID              string    `json:"id"`
	FileName        string    `json:"fileName"`
	DisplayName     string    `json:"displayName"`
	Language        string    `json:"language"`
	IsDefault       bool      `json:"isDefault"`
	IsMajorVersion  bool      `json:"isMajorVersion"`
	CreatedDateTime *string   `json:"createdDateTime"`
	FileData        *fileData `json:"fileData"` // lists leave it out, as Graph's do
}

type fileData struct {
	Data string `json:"data"`
}

type acceptanceView struct {
	Type               string  `json:"@odata.type"`
	ID                 string  `json:"id"`
	AgreementID        string  `json:"agreementId"`
	AgreementFileID    *string `json:"agreementFileId"`
	UserID             string  `json:"userId"`
	UserDisplayName    *string `json:"userDisplayName"`
	UserPrincipalName  *string `json:"userPrincipalName"`
	UserEmail          *string `json:"userEmail"`
	DeviceID           *string `json:"deviceId"`
	DeviceDisplayName  *string `json:"deviceDisplayName"`
	DeviceOSType       *string `json:"deviceOSType"`
	DeviceOSVersion    *string `json:"deviceOSVersion"`
	RecordedDateTime   *string `json:"recordedDateTime"`
	ExpirationDateTime *string `json:"expirationDateTime"`
	State              string  `json:"state"`
}

func viewAgreement(_ *graph.Call, g agreement.Agreement) (any, error) {
	out := agreementView{
		Type: "#microsoft.graph.agreement", ID: string(g.ID), DisplayName: g.DisplayName, Reaccept: term(g.ReacceptFor), MustView: g.MustView, PerDevice: g.PerDevice,
	}
	if !g.ExpiresFrom.IsZero() {
		out.TermsExpiration = &expirationView{graph.Stamp(g.ExpiresFrom), term(g.ExpiresEvery)}
	}
	return out, nil
}

// term prints a duration, null for none.
func term(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	return graph.Text(odata.FormatDuration(d))
}

func viewFile(g agreement.Agreement, t agreement.Text) fileView {
	return fileView{
		Type: "#microsoft.graph.agreementFileLocalization", ID: t.ID, FileName: t.Name, DisplayName: g.DisplayName, Language: t.Language,
		IsDefault: t.Default, IsMajorVersion: true, CreatedDateTime: graph.Stamp(g.CreatedAt),
	}
}

func viewFiles(_ *graph.Call, g agreement.Agreement, _ odata.Expansion) (any, error) {
	views := []any{}
	for _, t := range g.Texts {
		views = append(views, viewFile(g, t))
	}
	return views, nil
}

func (d *Area) agreements() graph.Set[agreement.Agreement] {
	return graph.Set[agreement.Agreement]{
		Path: agreementsPath, Kind: "graph.agreement", Read: directory.AgreementRead, Write: directory.AgreementWrite, Name: "displayName",
		Patched:  http.StatusOK,
		Items:    func(c *graph.Call) admin.Collection[agreement.Agreement] { return d.as(c).Agreements() },
		ID:       func(g agreement.Agreement) string { return string(g.ID) },
		Revision: func(g agreement.Agreement) int64 { return g.Revision },
		View:     viewAgreement, Take: takeAgreement,
		Expands: []string{"files"}, Expand: viewFiles,
	}
}

// takeAgreement takes over the body of an agreement. Texts are replaced as sent;
// Graph calls them files, or file.localizations.
func takeAgreement(c *graph.Call, o *odata.Object, g *agreement.Agreement) {
	if g.Revision == 0 {
		g.Tenant = c.Tenant()
	}
	o.Text("displayName", &g.DisplayName)
	o.Flag("isViewingBeforeAcceptanceRequired", &g.MustView)
	o.Flag("isPerDeviceAcceptanceRequired", &g.PerDevice)
	o.Duration("userReacceptRequiredFrequency", &g.ReacceptFor)
	if o.Has("termsExpiration") {
		g.ExpiresFrom, g.ExpiresEvery = time.Time{}, 0
		if e := o.Object("termsExpiration"); e != nil {
			e.Time("startDateTime", &g.ExpiresFrom)
			e.Duration("frequency", &g.ExpiresEvery)
			g.ExpiresFrom = g.ExpiresFrom.UTC()
		}
	}
	if o.Has("files") {
		g.Texts = takeTexts(o.Objects("files"), g)
	}
	if file := o.Object("file"); file != nil && file.Has("localizations") {
		g.Texts = takeTexts(file.Objects("localizations"), g)
	}
}

// takeTexts reads files. One without content keeps what that language says.
func takeTexts(files []*odata.Object, g *agreement.Agreement) []agreement.Text {
	var texts []agreement.Text
	for _, f := range files {
		var t agreement.Text
		major := true
		f.Text("language", &t.Language)
		f.Text("fileName", &t.Name)
		f.Flag("isDefault", &t.Default)
		if f.Flag("isMajorVersion", &major); !major && g.Revision > 0 {
			f.Refuse("isMajorVersion", "is false; a new text is always accepted anew, so it must be true")
		}
		for _, old := range g.Texts {
			if strings.EqualFold(old.Language, t.Language) {
				t.Body = old.Body
			}
		}
		if content := f.Object("fileData"); content != nil {
			t.Body = readText(content)
		}
		texts = append(texts, t)
	}
	return texts
}

// readText decodes base64 in any of its spellings, and leaves out the mark that
// Windows puts before UTF-8.
func readText(content *odata.Object) string {
	data := ""
	content.Text("data", &data)
	plain := strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(strings.TrimRight(data, "="))
	text, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		content.Refuse("data", "is no base64; it must be the base64 of a plain text in UTF-8")
		return ""
	}
	return strings.TrimPrefix(string(text), "\ufeff")
}

func (d *Area) listFiles(c *graph.Call) error {
	g, err := d.agreements().One(c)
	if err != nil {
		return err
	}
	views, _ := viewFiles(c, g, odata.Expansion{})
	return c.Answer(graph.Rows(filesPath(g), "graph.agreementFileLocalization", views.([]any)))
}

func filesPath(g agreement.Agreement) string {
	return agreementsPath + "('" + string(g.ID) + "')/files"
}

// getFile answers one text with what it says.
func (d *Area) getFile(c *graph.Call) error {
	g, err := d.agreements().One(c)
	if err != nil {
		return err
	}
	for _, t := range g.Texts {
		if t.ID == c.Key(1) {
			v := viewFile(g, t)
			v.FileData = &fileData{base64.StdEncoding.EncodeToString([]byte(t.Body))}
			return c.Entity(http.StatusOK, filesPath(g), v)
		}
	}
	return fault.New(fault.NotFound, "agreement %q has no file %q", g.DisplayName, c.Key(1))
}

func viewAcceptance(a agreement.Acceptance, ends time.Time) acceptanceView {
	return acceptanceView{
		Type: "#microsoft.graph.agreementAcceptance", ID: a.ID, AgreementID: string(a.Agreement), AgreementFileID: graph.Text(a.Text),
		UserID: string(a.User), UserDisplayName: graph.Text(a.UserName), UserPrincipalName: graph.Text(a.UserPrincipalName),
		DeviceID: graph.Text(string(a.Device)), DeviceDisplayName: graph.Text(a.DeviceName), DeviceOSType: graph.Text(a.DevicePlatform),
		DeviceOSVersion: graph.Text(a.DeviceOSVersion), RecordedDateTime: graph.Stamp(a.AcceptedAt), ExpirationDateTime: graph.Stamp(ends),
		State: "accepted",
	}
}

// acceptances lists the acceptances of one agreement, or of all for the zero one:
// also of those that are gone.
func (d *Area) acceptances(c *graph.Call, path string, g agreement.Agreement) error {
	known := map[agreement.ID]agreement.Agreement{g.ID: g}
	return c.Answer(graph.List{Path: path, Kind: "graph.agreementAcceptance", Page: func(after string, limit int) ([]graph.Row, error) {
		found, err := d.as(c).Acceptances(c.Ctx, c.Tenant(), g.ID, admin.Query{After: after, Limit: limit})
		var rows []graph.Row
		for _, a := range found {
			if _, ok := known[a.Agreement]; !ok {
				of, err := d.as(c).Agreements().Get(c.Ctx, c.Tenant(), string(a.Agreement))
				if err != nil && fault.KindOf(err) != fault.NotFound {
					return nil, err
				}
				known[a.Agreement] = of
			}
			rows = append(rows, graph.Row{ID: a.ID, View: viewAcceptance(a, known[a.Agreement].Ends(a))})
		}
		return rows, err
	}})
}

func (d *Area) agreementRoutes() []graph.Route {
	read := func(pattern string, do func(c *graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: directory.AgreementRead, Do: do}
	}
	return append(d.agreements().Routes(),
		read(agreementsPath+"/{}/files", d.listFiles), read(agreementsPath+"/{}/files/{}", d.getFile),
		read(agreementsPath+"/{}/acceptances", func(c *graph.Call) error {
			g, err := d.agreements().One(c)
			if err != nil {
				return err
			}
			return d.acceptances(c, agreementsPath+"('"+string(g.ID)+"')/acceptances", g)
		}),
		read(termsPath+"/agreementAcceptances", func(c *graph.Call) error {
			return d.acceptances(c, termsPath+"/agreementAcceptances", agreement.Agreement{})
		}))
}
