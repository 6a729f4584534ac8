package intune

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/odata"
)

// The settings catalogue of Graph has a shape for each kind of value, all of
// whose names begin alike.
const (
	shape      = "deviceManagementConfiguration"
	typedShape = "#microsoft.graph." + shape
)

func viewSettings(all []configuration.Setting) []any {
	out := []any{}
	for i, s := range all {
		out = append(out, viewSetting(i, s))
	}
	return out
}

// viewSetting prints a setting: one of listed values as a choice, whose values
// begin with the identifier of the setting, a list as a collection, anything else
// as a simple value.
func viewSetting(i int, s configuration.Setting) map[string]any {
	return map[string]any{"@odata.type": typedShape + "Setting", "id": strconv.Itoa(i), "settingInstance": viewInstance(s)}
}

func viewInstance(s configuration.Setting) map[string]any {
	out := map[string]any{"settingInstanceTemplateReference": nil, "settingDefinitionId": s.Name}
	k, known := configuration.Lookup(s.Name)
	if !known { // it left the catalogue since it was saved
		return instance(out, "Simple", "simpleSettingValue", textValue(s.Value))
	}
	out["settingDefinitionId"] = k.DefinitionID
	if canonical, err := k.Parse(s.Value); err == nil {
		s.Value = canonical
	}
	var text string
	var list []string
	switch {
	case k.Kind == configuration.Bool || k.Kind == configuration.Int && len(k.Values) > 0:
		return instance(out, "Choice", "choiceSettingValue", choice(k.DefinitionID+"_"+s.Value))
	case k.Kind == configuration.Int:
		n, _ := strconv.Atoi(s.Value) // Key.Parse saw to it
		return instance(out, "Simple", "simpleSettingValue", value("IntegerSettingValue", n))
	case k.Kind == configuration.String && json.Unmarshal([]byte(s.Value), &text) == nil:
		if len(k.Values) > 0 {
			return instance(out, "Choice", "choiceSettingValue", choice(k.DefinitionID+"_"+text))
		}
		return instance(out, "Simple", "simpleSettingValue", textValue(text))
	case k.Kind == configuration.StringList && json.Unmarshal([]byte(s.Value), &list) == nil:
		values := []any{}
		for _, entry := range list {
			values = append(values, textValue(entry))
		}
		out["@odata.type"], out["simpleSettingCollectionValue"] = typedShape+"SimpleSettingCollectionInstance", values
		return out
	}
	return instance(out, "Simple", "simpleSettingValue", textValue(s.Value)) // an object, as JSON text
}

func instance(out map[string]any, kind, property string, value map[string]any) map[string]any {
	out["@odata.type"], out[property] = typedShape+kind+"SettingInstance", value
	return out
}

func value(kind string, v any) map[string]any {
	return map[string]any{"@odata.type": typedShape + kind, "settingValueTemplateReference": nil, "value": v}
}

func textValue(v string) map[string]any { return value("StringSettingValue", v) }

func choice(v string) map[string]any {
	out := value("ChoiceSettingValue", v)
	out["children"] = []any{}
	return out
}

func readSettings(o *odata.Object) []configuration.Setting {
	var out []configuration.Setting
	for _, s := range o.Objects("settings") {
		out = append(out, readTyped(s))
	}
	return out
}

// readTyped reads one setting. Whether its value is one that the key takes, and
// what key an unknown one may have meant, is for the rules of policies to say.
func readTyped(o *odata.Object) configuration.Setting {
	inst := o.Object("settingInstance")
	if inst == nil {
		o.Refuse("settingInstance", "is missing")
		return configuration.Setting{}
	}
	var id string
	inst.Text("settingDefinitionId", &id)
	k, known := configuration.LookupDefinition(id)
	if !known {
		k.Name = id
	}
	s := configuration.Setting{Name: k.Name}
	switch kind := strings.TrimPrefix(inst.Type(), shape); kind {
	case "ChoiceSettingInstance":
		s.Value = written(k, chosen(inst.Object("choiceSettingValue"), id))
	case "SimpleSettingInstance":
		s.Value = written(k, simple(inst.Object("simpleSettingValue")))
	case "ChoiceSettingCollectionInstance":
		s.Value = listed(inst.Objects("choiceSettingCollectionValue"), func(v *odata.Object) string { return chosen(v, id) })
	case "SimpleSettingCollectionInstance":
		s.Value = listed(inst.Objects("simpleSettingCollectionValue"), simple)
	default:
		inst.Refuse("@odata.type", "is %q; valid are %sChoiceSettingInstance, %sSimpleSettingInstance, %sSimpleSettingCollectionInstance", kind, typedShape, typedShape, typedShape)
	}
	return s
}

// chosen is the value of a choice without what it begins with.
func chosen(o *odata.Object, id string) string {
	var text string
	if o == nil {
		return ""
	}
	o.Text("value", &text)
	if len(o.Objects("children")) > 0 {
		o.Refuse("children", "are settings below this one; no setting of Edge has any")
	}
	if before, after, ok := strings.Cut(text, "_"); ok && strings.EqualFold(before, id) {
		text = after
	}
	return text
}

// simple is a simple value as text.
func simple(o *odata.Object) string {
	if o == nil {
		return ""
	}
	var text string
	switch kind := strings.TrimPrefix(o.Type(), shape); kind {
	case "IntegerSettingValue":
		n := 0
		o.Number("value", &n)
		text = strconv.Itoa(n)
	case "StringSettingValue":
		o.Text("value", &text)
	default:
		o.Refuse("@odata.type", "is %q; valid are %sStringSettingValue, %sIntegerSettingValue", kind, typedShape, typedShape)
	}
	return text
}

// written is a value as policies keep it: JSON text, for which a text needs quotes.
func written(k configuration.Key, text string) string {
	switch {
	case k.Kind == configuration.String:
		return quoted(text)
	case k.Kind == configuration.Bool && slices.Contains([]string{"0", "1"}, text):
		return strconv.FormatBool(text == "1")
	}
	return text
}

func listed(values []*odata.Object, read func(*odata.Object) string) string {
	texts := []string{}
	for _, v := range values {
		texts = append(texts, read(v))
	}
	return quoted(texts)
}

// quoted is JSON text of strings, which always encode.
func quoted(v any) string {
	doc, _ := json.Marshal(v)
	return string(doc)
}
