// Package strictjson reads JSON without what encoding/json forgives. Its errors quote no values, which may be secrets.
package strictjson

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// Unmarshal reads JSON in a format of our own into value, which points to a struct. It rejects unknown, absent and
// repeated members, members in another letter case, null, text that is not UTF-8, and data after the JSON. Members with
// omitempty or omitzero may be absent.
func Unmarshal(data []byte, value any) error {
	if err := decode(data, value); err != nil {
		return err
	}
	if err := CheckText(data); err != nil {
		return err
	}
	return checkMembers(data, value)
}

func decode(data []byte, value any) error {
	err := json.Unmarshal(data, value)
	if syntaxError, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("malformed or incomplete JSON at byte %d", syntaxError.Offset)
	}
	if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s has the wrong type", cmp.Or(typeError.Field, "the JSON"))
	}
	if err != nil {
		return errors.New("an invalid value")
	}
	return nil
}
