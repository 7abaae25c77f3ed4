package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/acs-go/identity/tokenserver/oidc"
	"go.yaml.in/yaml/v4"
)

// singleIssuer are the variables that describe one issuer.
var singleIssuer = []string{"OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_CLIENT_IDS", "JWKS_URL", "USER_CLAIM", "ROLES_CLAIM"}

// readIssuers sets the issuers: that of the variables, or those of ISSUERS_FILE.
func (c *config) readIssuers(variables map[string]string, found *mistakes) {
	if c.IssuersFile == "" {
		c.readSingleIssuer(found)
		return
	}
	for _, name := range singleIssuer {
		if variables[name] != "" {
			found.add("%s cannot be combined with ISSUERS_FILE", name)
		}
	}
	content, err := os.ReadFile(c.IssuersFile)
	if err != nil {
		found.addError("ISSUERS_FILE", withoutPath(err))
		return
	}
	c.issuers = parseIssuers(content, found)
}

func (c *config) readSingleIssuer(found *mistakes) {
	if c.Issuer == "" {
		return
	}
	for _, wrong := range checkIssuer(c.Issuer) {
		found.add("OIDC_ISSUER %s", wrong)
	}
	if c.KeysURL != "" {
		for _, wrong := range checkURL(c.KeysURL) {
			found.add("JWKS_URL %s", wrong)
		}
	}
	if len(c.Audience) == 0 && len(c.ClientIDs) == 0 {
		found.add("OIDC_AUDIENCE or OIDC_CLIENT_IDS is required")
	}
	c.issuers = []oidc.Issuer{{
		URL: c.Issuer, Audiences: c.Audience, ClientIDs: c.ClientIDs, KeysURL: c.KeysURL,
		UserClaim: c.UserClaim, RolesClaim: c.RolesClaim, Admins: true,
	}}
}

// parseIssuers returns the issuers of a YAML list. It works on the nodes, because errors of the decoder quote values.
func parseIssuers(content []byte, found *mistakes) (issuers []oidc.Issuer) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, rest yaml.Node
	err := decoder.Decode(&document)
	if malformed, ok := errors.AsType[*yaml.LoadError](err); ok {
		found.add("ISSUERS_FILE%s: not YAML", lineOf(malformed))
		return nil
	}
	if err != nil || document.Content[0].Kind != yaml.SequenceNode || len(document.Content[0].Content) == 0 {
		found.add("ISSUERS_FILE is not a list of issuers")
		return nil
	}
	if !errors.Is(decoder.Decode(&rest), io.EOF) {
		found.add("ISSUERS_FILE has more than one document")
	}
	known := make(map[string]bool)
	for _, node := range document.Content[0].Content {
		issuer := parseIssuer(node, found)
		if issuer.URL != "" && known[issuer.URL] {
			found.add("ISSUERS_FILE, line %d: the issuer is there twice", node.Line)
		}
		known[issuer.URL] = true
		issuers = append(issuers, issuer)
	}
	return issuers
}

// lineOf returns where the content is malformed, or nothing for a character that YAML has nowhere.
func lineOf(malformed *yaml.LoadError) string {
	if malformed.Mark.Line == 0 {
		return ""
	}
	return fmt.Sprintf(", line %d", malformed.Mark.Line)
}

func parseIssuer(node *yaml.Node, found *mistakes) oidc.Issuer {
	var issuer oidc.Issuer
	fail := func(line int, format string, arguments ...any) {
		found.add("ISSUERS_FILE, line %d: %s", line, fmt.Sprintf(format, arguments...))
	}
	if node.Kind != yaml.MappingNode {
		fail(node.Line, "an issuer must have names and values")
		return issuer
	}
	fields := []issuerField{
		{"issuer", "a URL", &issuer.URL},
		{"audience", "a list of strings", &issuer.Audiences},
		{"client_ids", "a list of strings", &issuer.ClientIDs},
		{"keys_url", "a URL", &issuer.KeysURL},
		{"user_claim", "a string", &issuer.UserClaim},
		{"roles_claim", "a string", &issuer.RolesClaim},
		{"admins", "true or false", &issuer.Admins},
	}
	var seen []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		at := slices.IndexFunc(fields, func(field issuerField) bool { return field.name == name.Value })
		switch {
		case at < 0:
			fail(name.Line, "an unknown name; the names are %s", namesOf(fields))
		case slices.Contains(seen, name.Value):
			fail(name.Line, "%s is there twice", name.Value)
		case !fields[at].set(value):
			fail(value.Line, "%s must be %s", fields[at].name, fields[at].form)
		}
		seen = append(seen, name.Value)
	}
	if !slices.Contains(seen, "issuer") {
		fail(node.Line, "issuer is required")
	}
	if !slices.Contains(seen, "audience") && !slices.Contains(seen, "client_ids") {
		fail(node.Line, "audience or client_ids is required")
	}
	for _, url := range []struct {
		name, value string
		check       func(string) []string
	}{
		{"issuer", issuer.URL, checkIssuer},
		{"keys_url", issuer.KeysURL, checkURL},
	} {
		if url.value == "" {
			continue
		}
		for _, wrong := range url.check(url.value) {
			fail(node.Line, "%s %s", url.name, wrong)
		}
	}
	return issuer
}

type issuerField struct {
	name, form string
	value      any
}

func namesOf(fields []issuerField) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.name
	}
	return strings.Join(names, ", ")
}

// set decodes a node without the spaces around strings, and reports whether it is of the field's form and not empty.
func (f issuerField) set(node *yaml.Node) bool {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" || node.Decode(f.value) != nil {
		return false
	}
	switch value := f.value.(type) {
	case *string:
		if node.Tag != "!!str" {
			*value = ""
		}
		*value = strings.TrimSpace(*value)
		return *value != ""
	case *[]string:
		for i := range *value {
			(*value)[i] = strings.TrimSpace((*value)[i])
		}
		return len(*value) > 0 && !slices.Contains(*value, "")
	}
	return true
}
