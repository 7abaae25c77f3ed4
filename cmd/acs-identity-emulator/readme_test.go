package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runsReadme is the variable that lets the tests install packages.
const runsReadme = "ACS_README"

// A chapter of the README has files and the commands that use them.
type chapter struct {
	files    map[string]string
	commands string
}

var (
	headings = regexp.MustCompile(`(?m)^##+ `)
	blocks   = regexp.MustCompile("(?ms)^```([a-z]+)(?: (\\S+))?\n(.*?)^```$")
)

// readChapters returns the chapters of the README by their titles.
func readChapters(t *testing.T) map[string]chapter {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	chapters := map[string]chapter{}
	for _, text := range headings.Split(string(readme), -1) {
		title, _, _ := strings.Cut(text, "\n")
		c := chapter{files: map[string]string{}}
		for _, block := range blocks.FindAllStringSubmatch(text, -1) {
			if block[2] != "" {
				c.files[block[2]] = block[3]
			} else if block[1] == "sh" {
				c.commands += block[3]
			}
		}
		chapters[title] = c
	}
	return chapters
}

// run runs the commands in a folder beside the clone, against the emulator, and returns their output.
func (c chapter) run(t *testing.T, p *process, certificate, before string) string {
	t.Helper()
	clone, err := filepath.Abs("../..")
	require.NoError(t, err)
	root := t.TempDir()
	require.NoError(t, os.Symlink(clone, filepath.Join(root, "identity")))
	folder := filepath.Join(root, "users")
	require.NoError(t, os.Mkdir(folder, 0o700))
	endpoint, _ := p.values(t)
	_, address, _ := strings.Cut(strings.TrimSuffix(endpoint, "/"), "://")
	here := strings.NewReplacer("127.0.0.1:8443", address)
	for name, content := range c.files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(here.Replace(content)), private))
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", here.Replace(before+c.commands))
	command.Dir = folder
	command.Env = append(os.Environ(), "COMMUNICATION_SAMPLES_CONNECTION_STRING="+p.connectionString, "CERTIFICATE="+certificate)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

func TestReadmeLeadsToAUser(t *testing.T) {
	t.Parallel()
	chapters := readChapters(t)
	entra := chapters["Signing in to Entra ID, offline"].commands
	require.Contains(t, entra, "AZURE_AUTHORITY_HOST")
	for title, test := range map[string]struct {
		installs bool
		tools    []string
		before   string
	}{
		"curl":                     {false, []string{"curl"}, ""},
		"Go":                       {true, []string{"go"}, ""},
		"JavaScript":               {true, []string{"node", "npm"}, ""},
		"Python":                   {true, []string{"python3"}, ""},
		"Go with Entra ID":         {true, []string{"go"}, entra},
		"JavaScript with Entra ID": {true, []string{"node", "npm"}, entra},
		"Python with Entra ID":     {true, []string{"python3"}, entra},
		"Java with Entra ID":       {true, []string{"java", "keytool", "mvn"}, entra},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			requireTools(t, "bash")
			if test.installs && os.Getenv(runsReadme) == "" {
				t.Skip("the commands install packages; set " + runsReadme)
			}
			if os.Getenv(runsReadme) == "" {
				requireTools(t, test.tools...)
			}
			certificate := filepath.Join(t.TempDir(), "certificate.pem")
			p := start(t, "-certificate", certificate)
			output := chapters[title].run(t, p, certificate, test.before)
			require.NoError(t, p.end(t, os.Interrupt))
			id := regexp.MustCompile(`8:acs:[0-9a-f-]+_[0-9a-f-]+`).FindString(output)
			assert.NotEmpty(t, id, output)
			assert.Contains(t, p.stderr.String(), "operation=CreateUser status=201")
			assert.Equal(t, test.before != "", strings.Contains(p.stderr.String(), "operation=EntraToken status=200"))
		})
	}
}

func TestReadmeOfControl(t *testing.T) {
	t.Parallel()
	requireTools(t, "bash", "curl")
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	p := start(t, "-certificate", certificate)
	k := &kept{options: trusting(t, certificate)}
	readChapters(t)["Control"].run(t, p, certificate, "")
	assert.JSONEq(t, `{"offset":"25h0m0s"}`, k.call(t, p, "GET", "clock", ""))
	assert.JSONEq(t, `[{"operation":"GetToken","times":1,"status":503}]`, k.call(t, p, "GET", "faults", ""))
}

// TestReadmeOfCIServices runs the commands with the test binary as the program.
func TestReadmeOfCIServices(t *testing.T) {
	t.Parallel()
	requireTools(t, "bash", "openssl")
	k := newKept(t)
	address := k.args[1]
	folder := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(folder, name)))
	commands := strings.ReplaceAll(readChapters(t)["CI services"].commands, "127.0.0.1:8443", address) +
		"kill $!\nwait\ncmp emulator.pem emulator-data/certificate.pem\necho $COMMUNICATION_SAMPLES_CONNECTION_STRING\n"
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	command.Dir = folder
	command.Env = append(os.Environ(), runMain+"=yes", "ACS_EMULATOR_ADDR="+address, "ACS_EMULATOR_LOG=off")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "endpoint=https://"+address+"/;accesskey=")
}

func TestReadmeListsEveryFlag(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	newFlags(&settings{}).VisitAll(func(f *flag.Flag) {
		assert.Regexp(t, "(?m)^\\| .*`-"+f.Name+"[` ]", string(readme))
	})
}
