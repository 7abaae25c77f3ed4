package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/acs-go/identity/tokenserver/sqlite"
)

// A file is for one process, and is locked while it is open. It can be copied meanwhile.
func ExampleOpen() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "tokenserver")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "users.db")

	db, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		log.Panic(err)
	}
	defer func() { _ = db.Close() }()
	fmt.Println(sqlite.Backup(ctx, db, filepath.Join(folder, "copy.db")))

	_, err = sqlite.Open(ctx, path, nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// another process uses the SQLite file; stop it first, or use PostgreSQL for several processes
}
