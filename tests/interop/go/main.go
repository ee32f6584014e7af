// Readlog reads a Glasslog log with the Go libraries that the C2SP specifications come from, and none of our code:
// golang.org/x/mod/sumdb (note, tlog) and filippo.io/torchwood.
//
// It opens the checkpoint with both, fetches and authenticates all entries, computes the root from them, verifies an
// offline proof for each of some entries, and the consistency with an older tree. What it found goes to standard output
// as JSON; the exit code is 1 when anything does not verify.
package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type report struct {
	Origin      string   `json:"origin"`
	Size        int64    `json:"size"`
	Root        string   `json:"root"`
	EntryHashes []string `json:"entry_hashes"`
	Proofs      int      `json:"proofs"`
	Consistent  int64    `json:"consistent"`
}

func main() {
	url := flag.String("url", "", "base URL of the log")
	vkey := flag.String("vkey", "", "verifier key of the log")
	older := flag.String("older", "", "size and base64 root of an older tree, parted by a comma")
	every := flag.Int64("every", 1, "verify an offline proof for every n-th entry")
	flag.Parse()
	found, err := read(context.Background(), *url, *vkey, *older, *every)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(ctx context.Context, url, vkey, older string, every int64) (*report, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("vkey: %w", err)
	}
	fetcher, err := torchwood.NewTileFetcher(url)
	if err != nil {
		return nil, err
	}
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	policy := torchwood.ThresholdPolicy(2,
		torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier))
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := openWithSumdb(signed, verifier, checkpoint.Tree); err != nil {
		return nil, fmt.Errorf("checkpoint, by sumdb: %w", err)
	}
	hashes, err := readEntries(ctx, fetcher, checkpoint.Tree)
	if err != nil {
		return nil, fmt.Errorf("entries: %w", err)
	}
	proofs, err := verifyProofs(url, policy, hashes, every)
	if err != nil {
		return nil, err
	}
	consistent, err := verifyConsistency(url, older, checkpoint.Tree)
	if err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	found := &report{
		Origin: checkpoint.Origin, Size: checkpoint.N, Root: hex.EncodeToString(checkpoint.Hash[:]),
		Proofs: proofs, Consistent: consistent,
	}
	for _, hash := range hashes {
		found.EntryHashes = append(found.EntryHashes, hex.EncodeToString(hash[:]))
	}
	return found, nil
}

// openWithSumdb opens the note with golang.org/x/mod/sumdb/note alone and compares what it says.
func openWithSumdb(signed []byte, verifier note.Verifier, tree tlog.Tree) error {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[1] != fmt.Sprint(tree.N) || lines[2] != tree.Hash.String() {
		return fmt.Errorf("text %q does not speak of the tree of size %d", opened.Text, tree.N)
	}
	return nil
}

// readEntries returns the record hashes of all entries. The client holds every entry against the tree; the root is
// computed here once more from the entries alone.
func readEntries(ctx context.Context, fetcher *torchwood.TileFetcher, tree tlog.Tree) ([]tlog.Hash, error) {
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return nil, err
	}
	var hashes, stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		read := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			read[i] = stored[index]
		}
		return read, nil
	})
	for index, entry := range client.AllEntries(ctx, tree, 0) {
		added, err := tlog.StoredHashes(index, entry, reader)
		if err != nil {
			return nil, err
		}
		stored = append(stored, added...)
		hashes = append(hashes, tlog.RecordHash(entry))
	}
	if err := client.Err(); err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return nil, err
	}
	if int64(len(hashes)) != tree.N || root != tree.Hash {
		return nil, fmt.Errorf("%d entries lead to the root %v, the checkpoint has %d and %v",
			len(hashes), root, tree.N, tree.Hash)
	}
	return hashes, nil
}

// verifyProofs fetches the offline proof (c2sp.org/tlog-proof) of every n-th entry and verifies it.
func verifyProofs(url string, policy torchwood.Policy, hashes []tlog.Hash, every int64) (int, error) {
	verified := 0
	for index := int64(0); index < int64(len(hashes)); index += every {
		hash := hashes[index]
		proof, err := get(fmt.Sprintf("%s/entries/%x?format=tlog-proof", url, hash[:]))
		if err != nil {
			return 0, fmt.Errorf("proof of entry %d: %w", index, err)
		}
		if err := torchwood.VerifyProof(policy, hash, proof); err != nil {
			return 0, fmt.Errorf("proof of entry %d: %w", index, err)
		}
		verified++
	}
	return verified, nil
}

// verifyConsistency checks that the older tree is a prefix of the tree of the checkpoint, and returns its size.
func verifyConsistency(url, older string, tree tlog.Tree) (int64, error) {
	size, root, given := strings.Cut(older, ",")
	if !given {
		return 0, nil
	}
	data, err := get(fmt.Sprintf("%s/proofs/consistency/%s/%d", url, size, tree.N))
	if err != nil {
		return 0, err
	}
	var told struct {
		Size1 int64    `json:"size1"`
		Path  []string `json:"path"`
	}
	if err := json.Unmarshal(data, &told); err != nil {
		return 0, err
	}
	path := make(tlog.TreeProof, len(told.Path))
	for i, element := range told.Path {
		if path[i], err = tlog.ParseHash(element); err != nil {
			return 0, err
		}
	}
	raw, err := base64.StdEncoding.DecodeString(root)
	if err != nil || len(raw) != tlog.HashSize {
		return 0, fmt.Errorf("older root %q: %v", root, err)
	}
	return told.Size1, tlog.CheckTree(path, tree.N, tree.Hash, told.Size1, tlog.Hash(raw))
}

func get(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}
