package linktest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	address     = "https://github.com/acs-go/identity/"
	pictureSize = 150_000 // bytes
)

// repository holds the tracked files of a folder.
type repository struct {
	root  string
	files map[string]bool // by their paths, with slashes; folders, too
	pages map[string]*document
}

// open reads the documents of a repository. Only files that git tracks count: others do not exist for a reader.
func open(ctx context.Context, root string) (*repository, error) {
	list, err := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z").Output() //nolint:gosec // a folder of the tests
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	r := &repository{root: root, files: map[string]bool{".": true}, pages: map[string]*document{}}
	for file := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		for name := file; name != "."; name = path.Dir(name) {
			r.files[name] = true
		}
		if path.Ext(file) != ".md" {
			continue
		}
		source, err := r.read(file)
		if err != nil {
			return nil, err
		}
		if r.pages[file], err = read(source); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return r, nil
}

func (r *repository) read(file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.root, filepath.FromSlash(file)))
}

// problems returns a sentence for each link and picture that a reader would miss.
func (r *repository) problems() []string {
	var found []string
	for file, page := range r.pages {
		for _, reference := range page.broken {
			found = append(found, fmt.Sprintf("%s: nothing defines the link %s", file, reference))
		}
		for _, link := range page.links {
			if reason := r.followLink(file, link); reason != "" {
				found = append(found, fmt.Sprintf("%s: %s: %s", file, link, reason))
			}
		}
		for _, p := range page.pictures {
			if reason := r.look(file, p); reason != "" {
				found = append(found, fmt.Sprintf("%s: picture %q: %s", file, p.source, reason))
			}
		}
	}
	slices.Sort(found)
	return found
}

// followLink returns why a link in a file leads nowhere; empty if it leads somewhere, or out of the repository.
func (r *repository) followLink(file, link string) string {
	target, err := url.Parse(link)
	if err != nil {
		return "not a URL"
	}
	if own, ok := ownFile(target); ok {
		return r.find(own, target.Fragment)
	}
	if target.Scheme != "" || target.Host != "" {
		return ""
	}
	if target.Path == "" {
		return r.find(file, target.Fragment)
	}
	if strings.HasPrefix(target.Path, "/") {
		return r.find(path.Clean(target.Path)[1:], target.Fragment)
	}
	return r.find(path.Join(path.Dir(file), target.Path), target.Fragment)
}

var branchForm = regexp.MustCompile(`^(?:blob|tree)/main/(.+)$`)

// ownFile returns the file of this repository that an address names.
func ownFile(target *url.URL) (string, bool) {
	rest, ok := strings.CutPrefix(target.Scheme+"://"+target.Host+target.Path, address)
	match := branchForm.FindStringSubmatch(rest)
	if !ok || match == nil {
		return "", false
	}
	return path.Clean(match[1]), true
}

func (r *repository) find(file, anchor string) string {
	file = strings.TrimSuffix(file, "/")
	switch {
	case file == "" || r.files[file] && anchor == "":
		return ""
	case !r.files[file]:
		return "git tracks no such file"
	case r.pages[file] != nil && !r.pages[file].anchors[anchor]:
		return "there is no such heading"
	case r.pages[file] == nil && !r.hasLine(file, anchor):
		return "there is no such line"
	}
	return ""
}

var lineForm = regexp.MustCompile(`^L(\d+)(?:-L(\d+))?$`)

// hasLine reports whether a file that is not a document has the lines of an anchor such as L10 or L10-L20.
func (r *repository) hasLine(file, anchor string) bool {
	lines := lineForm.FindStringSubmatch(anchor)
	source, err := r.read(file)
	if lines == nil || err != nil {
		return false
	}
	last := lines[1]
	if lines[2] != "" {
		last = lines[2]
	}
	n, err := strconv.Atoi(last)
	return err == nil && 0 < n && n <= strings.Count(string(source), "\n")
}

// look returns what is wrong with a picture.
func (r *repository) look(file string, p picture) string {
	if !p.isAlternative && strings.TrimSpace(p.text) == "" {
		return "no text says what it shows"
	}
	target, err := url.Parse(p.source)
	if err != nil || p.source == "" {
		return "not a URL"
	}
	if target.Scheme != "" || target.Host != "" {
		return "a page must not load pictures from elsewhere"
	}
	name := path.Join(path.Dir(file), target.Path)
	if !r.files[name] {
		return "git tracks no such file"
	}
	info, err := os.Stat(filepath.Join(r.root, filepath.FromSlash(name)))
	switch {
	case err != nil:
		return err.Error()
	case info.IsDir():
		return "a folder"
	case info.Size() > pictureSize:
		return fmt.Sprintf("it has %d bytes; the limit is %d", info.Size(), pictureSize)
	}
	return ""
}

var addressForm = regexp.MustCompile(regexp.QuoteMeta(address) + `(?:blob|tree)/main/[\w./%#-]*[\w/]`)

// addressProblems returns a sentence for each address of this repository in source code that leads nowhere.
func (r *repository) addressProblems() []string {
	var found []string
	for file := range r.files {
		if path.Ext(file) != ".go" || strings.HasPrefix(file, "internal/linktest/") {
			continue
		}
		source, err := r.read(file)
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		for _, link := range addressForm.FindAllString(string(source), -1) {
			if reason := r.followLink(file, link); reason != "" {
				found = append(found, fmt.Sprintf("%s: %s: %s", file, link, reason))
			}
		}
	}
	slices.Sort(found)
	return found
}
