package emulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Versions are dates, so they sort as strings.
const (
	firstTeamsVersion  = "2022-06-01"
	firstExpiryVersion = "2022-10-01"
	previewVersion     = "2025-03-02-preview"
)

var (
	allVersions = []string{
		"2021-03-07",
		firstTeamsVersion,
		firstExpiryVersion,
		"2023-10-01",
		previewVersion,
		"2025-06-30",
		"2026-09-23",
	}
	teamsVersions          = allVersions[slices.Index(allVersions, firstTeamsVersion):]
	teamsExtensionVersions = allVersions[slices.Index(allVersions, previewVersion):]
	previewVersions        = []string{previewVersion}
)

// checkVersion sets the call's API version.
func (h *Handler) checkVersion(c *call) *serviceError {
	versions := h.requestedVersions(c.request)
	switch {
	case len(versions) == 0 || versions[0] == "":
		return versionError(c, "ApiVersionUnspecified", "An API version is required, but was not specified.")
	case len(versions) > 1:
		return versionError(c, "AmbiguousApiVersion", "More than one API version was requested.")
	case !slices.Contains(c.operation.versions, versions[0]):
		return versionError(c, "UnsupportedApiVersion", unsupportedVersion(c.request, versions[0]))
	}
	c.version = versions[0]
	return nil
}

// versionPattern matches versions like 2027-01-15 and 2027-01-15-preview2.
var versionPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(?:-preview\d*)?$`)

// requestedVersions returns the API versions in the query. With [Options].AcceptAnyAPIVersion, it returns the newest
// version instead of an unknown one.
func (h *Handler) requestedVersions(r *http.Request) []string {
	versions := r.URL.Query()["api-version"]
	if !h.acceptAnyVersion {
		return versions
	}
	for i, version := range versions {
		if versionPattern.MatchString(version) && !slices.Contains(allVersions, version) {
			versions[i] = allVersions[len(allVersions)-1]
		}
	}
	return versions
}

func versionError(c *call, code, message string) *serviceError {
	message += " Supported API versions: " + versionList(c.operation.versions) + "."
	return rejected(http.StatusBadRequest, code, message)
}

func unsupportedVersion(r *http.Request, version string) string {
	uri := origin(r) + r.URL.EscapedPath()
	return fmt.Sprintf("The HTTP resource that matches the request URI '%s' does not support the API version '%s'.", uri, version)
}

// origin returns the scheme and the host that the client used.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func versionList(versions []string) string {
	return strings.Join(versions, ", ")
}
