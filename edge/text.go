package edge

// Text is a label in several languages, by language tag: en, fr, es.
type Text map[string]string

// Languages are those every label and catalogue of labbox must have.
var languages = [...]string{"en", "fr", "es"}

// Languages returns the languages every label of the catalogue must have.
func Languages() []string { return languages[:] }

// In returns the text in lang, else in English, else in any language.
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok {
		return s
	}
	if s, ok := t["en"]; ok {
		return s
	}
	for _, l := range languages {
		if s, ok := t[l]; ok {
			return s
		}
	}
	return ""
}

// UnmarshalYAML lets a file give a plain word instead of {en: word}. It is found
// by its shape; edge imports no YAML library.
func (t *Text) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err == nil {
		*t = Text{"en": s}
		return nil
	}
	var m map[string]string
	if err := unmarshal(&m); err != nil {
		return err
	}
	*t = m
	return nil
}
