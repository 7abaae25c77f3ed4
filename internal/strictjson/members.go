package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

var errNull = errors.New("null is not allowed")

// checkMembers compares the objects of the JSON, which was decoded into value, with the structs of its type.
func checkMembers(data []byte, value any) error {
	c := checker{decoder: json.NewDecoder(bytes.NewReader(data)), formats: map[reflect.Type]format{}}
	c.decoder.UseNumber()
	return c.check(reflect.TypeOf(value).Elem())
}

// A checker reads JSON that is known to be well-formed and to fit its types.
type checker struct {
	decoder *json.Decoder
	formats map[reflect.Type]format
}

// A format is what an object may hold: the index of a struct's field by the name of its member.
type format map[string]int

// check reads the next value, which has the type.
func (c *checker) check(typ reflect.Type) error {
	token, err := c.decoder.Token()
	switch {
	case err != nil:
		return errors.New("malformed JSON")
	case token == nil:
		return errNull
	case token == json.Delim('['):
		return c.checkElements(typ.Elem())
	case token == json.Delim('{'):
		return c.checkObject(typ)
	default:
		return nil
	}
}

func (c *checker) checkElements(typ reflect.Type) error {
	for i := 0; c.decoder.More(); i++ {
		if err := c.check(typ); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	_, err := c.decoder.Token()
	return err
}

func (c *checker) checkObject(typ reflect.Type) error {
	fields := c.formatOf(typ)
	found := make([]bool, typ.NumField())
	for c.decoder.More() {
		name, err := c.decoder.Token()
		if err != nil {
			return errors.New("malformed JSON")
		}
		i, ok := fields[name.(string)]
		if !ok {
			return errors.New("a member has an unknown name, or a name in another letter case")
		}
		if found[i] {
			return fmt.Errorf("%s is repeated", name)
		}
		found[i] = true
		if err := c.check(typ.Field(i).Type); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range found {
		if name, isOptional := memberOf(typ.Field(i)); !found[i] && !isOptional {
			return fmt.Errorf("%s is missing", name)
		}
	}
	_, err := c.decoder.Token()
	return err
}

func (c *checker) formatOf(typ reflect.Type) format {
	if fields, ok := c.formats[typ]; ok {
		return fields
	}
	fields := format{}
	for i := range typ.NumField() {
		name, _ := memberOf(typ.Field(i))
		fields[name] = i
	}
	c.formats[typ] = fields
	return fields
}

func memberOf(field reflect.StructField) (name string, isOptional bool) {
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name, options != ""
}
