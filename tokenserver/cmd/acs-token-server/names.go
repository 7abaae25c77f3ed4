package main

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// prefixes are those that only variables of this program should have.
var prefixes = []string{"ACS_", "OIDC_", "DATABASE_", "JWKS_", "ISSUERS_", "SCOPE", "ROLES_", "CORS_", "TEAMS_"}

// emulatorPrefix starts the names of variables of the program acs-identity-emulator, and of those that it sets.
const emulatorPrefix = "ACS_EMULATOR_"

const (
	// maxTypos is how many letters of a name may differ from ours to be taken for it.
	maxTypos = 2
	// minTypoName is the shortest of our names for which that holds: DATE is not RATE.
	minTypoName = 6
)

// serviceLink matches the variables with which Kubernetes tells containers about services, such as one that is called
// acs-token-server or database.
var serviceLink = regexp.MustCompile(`_SERVICE_(HOST|PORT)(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// checkNames adds the variables that look like ours and are not: a misspelled one must not go unnoticed.
func checkNames(variables map[string]string, found *mistakes) {
	known := variableNames()
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		isRole := strings.HasPrefix(name, rolePrefix) && name != rolePrefix
		if slices.Contains(known, name) || isRole || strings.HasPrefix(name, emulatorPrefix) || serviceLink.MatchString(name) {
			continue
		}
		upper := strings.ToUpper(name)
		prefix := prefixOf(upper)
		nearest := nearestOf(upper, prefix, known)
		if prefix != "" || len(nearest) >= minTypoName && distance(upper, nearest) <= maxTypos {
			found.add("%s is not a known variable; the nearest one is %s", name, nearest)
		}
	}
}

// prefixOf returns the prefix of ours that the name has, or nothing.
func prefixOf(name string) string {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// nearestOf returns the most similar of the known names with the prefix.
func nearestOf(name, prefix string, known []string) string {
	candidates := slices.DeleteFunc(slices.Clone(known), func(other string) bool { return !strings.HasPrefix(other, prefix) })
	return slices.MinFunc(candidates, func(a, b string) int { return distance(name, a) - distance(name, b) })
}

func distance(a, b string) int { return levenshtein.ComputeDistance(a, b) }

// variableNames returns the names of all variables but those of roles.
func variableNames() (names []string) {
	for field := range reflect.TypeFor[config]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	for _, name := range secrets {
		names = append(names, name+"_FILE")
	}
	return names
}
