package main

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"text/tabwriter"
)

const usage = "usage: acs-token-server [serve | dev [-emulator CONNECTION_STRING] [-db FILE] | provision [-rate N] [-issuer URL] FILE | backup FILE | healthcheck [URL] | version | help]"

var errUsage = errors.New(usage)

// help lists the commands and every variable with its default.
func (p program) help() error {
	text := new(strings.Builder)
	text.WriteString(usage + "\n\nEnvironment variables:\n\n")
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for field := range reflect.TypeFor[config]().Fields() {
		name := field.Tag.Get("env")
		if name == "" {
			continue
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", name, withDefault(field.Tag))
		if name == "SCOPES" {
			_, _ = fmt.Fprintf(table, "  %s<ROLE>\tfurther scopes for a role, in upper case, with _ for other characters\n", rolePrefix)
		}
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(text, "\n%s name files with these values.\nTraces: OTEL_EXPORTER_OTLP_ENDPOINT and the other standard variables of OpenTelemetry.\n",
		strings.Join(secrets, "_FILE and ")+"_FILE")
	_, err := fmt.Fprint(p.stdout, text)
	return err
}

func withDefault(tag reflect.StructTag) string {
	if value := tag.Get("envDefault"); value != "" {
		return tag.Get("help") + "; default " + value
	}
	return tag.Get("help")
}

// version prints which version of the program this is, and which version of Go built it.
func (p program) version() error {
	_, err := fmt.Fprintln(p.stdout, versionText())
	return err
}

func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "acs-token-server (unknown version)"
	}
	parts := []string{"acs-token-server", info.Main.Version}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			parts = append(parts, setting.Value)
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}
