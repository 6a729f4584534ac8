package agreement

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxName  = 256            // characters
	maxTexts = 100            // languages
	maxBody  = 256 << 10      // bytes of one text
	minTerm  = 24 * time.Hour // of a duration
	maxTerm  = 3650 * minTerm // likewise
	bodyHint = "terms of use are plain text in UTF-8"
)

// Complete settles what a sender may leave open: where no text is marked as the
// default, the first one is.
func (g *Agreement) Complete() {
	for _, t := range g.Texts {
		if t.Default {
			return
		}
	}
	if len(g.Texts) > 0 {
		g.Texts[0].Default = true
	}
}

// Validate returns every rule that g breaks, joined. Each names the field, as
// Graph calls it, the value and what would be valid.
func Validate(g Agreement) error {
	errs := []error{
		length("displayName", g.DisplayName, 1, maxName),
		term("userReacceptRequiredFrequency", g.ReacceptFor),
		term("termsExpiration.frequency", g.ExpiresEvery),
	}
	if g.ExpiresEvery != 0 && g.ExpiresFrom.IsZero() {
		errs = append(errs, errors.New("termsExpiration.startDateTime is missing; a frequency counts from it"))
	}
	if n := len(g.Texts); n == 0 || n > maxTexts {
		errs = append(errs, fmt.Errorf("files has %d entries; terms of use have one to %d, one for each language", n, maxTexts))
	}
	defaults := 0
	for i, t := range g.Texts {
		if t.Default {
			defaults++
		}
		errs = append(errs, t.validate(fmt.Sprintf("files[%d].", i)))
		for _, other := range g.Texts[:i] {
			if strings.EqualFold(other.Language, t.Language) {
				errs = append(errs, fmt.Errorf("files[%d].language is %q, which another file has; each language has one", i, t.Language))
			}
		}
	}
	if len(g.Texts) > 0 && defaults != 1 {
		errs = append(errs, fmt.Errorf("files: isDefault is true of %d; it must be true of one", defaults))
	}
	return errors.Join(errs...)
}

func (t Text) validate(path string) error {
	return errors.Join(length(path+"fileName", t.Name, 1, maxName), language(path+"language", t.Language), body(path+"fileData.data", t.Body))
}

// body refuses what a page could not show as it is.
func body(field, text string) error {
	switch {
	case strings.HasPrefix(text, "%PDF-"):
		return fmt.Errorf("%s is a PDF document; %s", field, bodyHint)
	case len(text) > maxBody:
		return fmt.Errorf("%s has %d bytes; at most %d are allowed", field, len(text), maxBody)
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("%s is empty; %s", field, bodyHint)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s is not valid UTF-8; %s", field, bodyHint)
	}
	for _, r := range text {
		if r < ' ' && !strings.ContainsRune("\t\n\r\f", r) || r == 0x7f {
			return fmt.Errorf("%s holds the control character U+%04X; %s", field, r, bodyHint)
		}
	}
	return nil
}

// language wants the shape of a BCP 47 tag: subtags of one to eight letters and
// digits, joined by hyphens, the first of two to eight letters (RFC 5646 section
// 2.1).
func language(field, tag string) error {
	for i, part := range strings.Split(tag, "-") {
		letters := strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz") == ""
		proper := strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
		if len(part) < 1 || len(part) > 8 || !proper || i == 0 && (len(part) < 2 || !letters) {
			return fmt.Errorf("%s is %q; it must be a language tag such as en or de-AT", field, tag)
		}
	}
	return nil
}

// term wants a duration that a person can live with.
func term(field string, d time.Duration) error {
	if d == 0 || d >= minTerm && d <= maxTerm {
		return nil
	}
	return fmt.Errorf("%s is %v; it must be null, or between one day (P1D) and ten years (P3650D)", field, d)
}

func length(field, value string, least, most int) error {
	n := utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value):
		return fmt.Errorf("%s is not valid UTF-8", field)
	case n < least:
		return fmt.Errorf("%s is missing; it needs at least %d character(s)", field, least)
	case n > most:
		return fmt.Errorf("%s has %d characters; at most %d are allowed", field, n, most)
	}
	return nil
}
