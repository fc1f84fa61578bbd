package class

import (
	"slices"
	"strings"
	"unicode/utf8"

	"labbox/edge"
)

// Bounds of a class.
const (
	MaxSeats   = 400
	MaxRoster  = 400
	MaxTitle   = 80  // characters
	MaxMessage = 500 // characters
)

// May says what students of a class may do. An emergency stop is always allowed.
type May struct {
	Drive      bool `json:"drive"`
	Record     bool `json:"record"`
	Experiment bool `json:"experiment"`
	Rehearse   bool `json:"rehearse"`
}

// Class is the class that is open. There is one at a time.
type Class struct {
	ID        string   `json:"id"` // of this opening: a seat of another one is gone
	Code      string   `json:"code"`
	Title     string   `json:"title"`
	Locked    bool     `json:"locked"`
	HideNames bool     `json:"hide_names"`
	Alias     string   `json:"alias"` // the word of hidden names: Student
	May       May      `json:"may"`
	Message   string   `json:"message"`
	Roster    []string `json:"roster,omitempty"` // names to pick from; none: any name
	// Rules are the turn rules that the teacher has chosen; nil: those of the box.
	Rules    *edge.TurnRules `json:"rules,omitempty"`
	OpenedMS int64           `json:"opened_ms"` // wall clock, for people
}

// Change is what a teacher wants of a class; nil leaves a field as it is.
type Change struct {
	Title     *string `json:"title"`
	Locked    *bool   `json:"locked"`
	HideNames *bool   `json:"hide_names"`
	Alias     *string `json:"alias"`
	May       *struct {
		Drive      *bool `json:"drive"`
		Record     *bool `json:"record"`
		Experiment *bool `json:"experiment"`
		Rehearse   *bool `json:"rehearse"`
	} `json:"may"`
	Message *string         `json:"message"`
	Roster  *[]string       `json:"roster"`
	Rules   *edge.TurnRules `json:"rules"`
	NewCode bool            `json:"new_code"`
}

// apply carries out a change on c, or refuses all of it.
func (c *Class) apply(ch *Change) error {
	var err error
	line := func(to *string, from *string, field string, most int) {
		if from != nil && err == nil {
			*to, err = cleanText(*from, field, most)
		}
	}
	line(&c.Title, ch.Title, "title", MaxTitle)
	line(&c.Alias, ch.Alias, "alias", maxRunes/2)
	line(&c.Message, ch.Message, "message", MaxMessage)
	if err == nil && ch.Roster != nil {
		c.Roster, err = cleanRoster(*ch.Roster)
	}
	if err == nil && ch.Rules != nil {
		c.Rules, err = checkRules(*ch.Rules)
	}
	if err != nil {
		return err
	}
	flag := func(to, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	flag(&c.Locked, ch.Locked)
	flag(&c.HideNames, ch.HideNames)
	if m := ch.May; m != nil {
		flag(&c.May.Drive, m.Drive)
		flag(&c.May.Record, m.Record)
		flag(&c.May.Experiment, m.Experiment)
		flag(&c.May.Rehearse, m.Rehearse)
	}
	if ch.NewCode {
		c.Code = newCode(codeLen)
	}
	if c.Alias == "" {
		c.Alias = "Student"
	}
	return nil
}

// onRoster finds a name on the list, as it is written there.
func (c *Class) onRoster(name string) (string, bool) {
	i := slices.IndexFunc(c.Roster, func(n string) bool { return fold(n) == fold(name) })
	if i < 0 {
		return "", false
	}
	return c.Roster[i], true
}

// cleanText is a text of a teacher: like a nickname, but longer, with line ends, and
// it may be empty.
func cleanText(s, field string, most int) (string, error) {
	bad := func(why string) error {
		return edge.Errorf(edge.CodeBadValue, "bad %s: %s", field, why).With("field", field)
	}
	if !utf8.ValidString(s) {
		return "", bad("not UTF-8")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		for _, r := range l {
			if r != '\t' && !allowed(r) {
				return "", bad("a character that cannot be shown")
			}
		}
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	sep := "\n"
	if field != "message" {
		sep = " "
	}
	s = strings.TrimSpace(strings.Join(lines, sep))
	if utf8.RuneCountInString(s) > most {
		return "", edge.Errorf(edge.CodeBadValue, "%s is longer than %d characters", field, most).With("field", field).With("max", most)
	}
	return s, nil
}

// cleanRoster drops empty lines and names that are there twice.
func cleanRoster(list []string) ([]string, error) {
	out, seen := []string{}, map[string]bool{}
	for _, s := range list {
		if strings.TrimSpace(s) == "" {
			continue
		}
		name, err := CleanNickname(s)
		if err != nil {
			return nil, edge.AsError(err).With("field", "roster")
		}
		if !seen[fold(name)] {
			seen[fold(name)] = true
			out = append(out, name)
		}
		if len(out) > MaxRoster {
			return nil, edge.Errorf(edge.CodeBadValue, "more than %d names", MaxRoster).With("field", "roster").With("max", MaxRoster)
		}
	}
	return out, nil
}

func checkRules(r edge.TurnRules) (*edge.TurnRules, error) {
	const day = 24 * 3600 * 1000
	for field, ms := range map[string]int64{"turn_ms": r.TurnMS, "warn_ms": r.WarnMS, "idle_ms": r.IdleMS} {
		if ms < 0 || ms > day {
			return nil, edge.Errorf(edge.CodeBadValue, "%s is outside 0 to a day", field).With("field", field).With("max", day)
		}
	}
	return &r, nil
}
