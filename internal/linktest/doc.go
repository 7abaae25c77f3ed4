// Package linktest checks the documents of the repository as GitHub shows them: links between
// documents with their anchors, pictures, and the commands on the README's first screen.
//
//	go test -count=1 ./...
//
// (go test would not notice that git tracks another file.) It is a module of its own, so that the library does not require a parser of Markdown.
package linktest
