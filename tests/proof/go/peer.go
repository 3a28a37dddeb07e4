// A peer that shares no code with timebank: it answers questions about notes and proofs by Go's
// golang.org/x/mod/sumdb/note and tlog. A question is a line of JSON, an answer too, in order.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Ask     string
	Name    string
	Text    string
	Keys    []string
	Note    []byte
	Records [][]byte
	Record  []byte
	Size    int64
	Old     int64
	Index   int64
	Root    tlog.Hash
	OldRoot tlog.Hash `json:"old_root"`
	Proof   []tlog.Hash
}

type answer struct {
	Error   string      `json:"error,omitempty"`
	Text    string      `json:"text,omitempty"`
	Signers []string    `json:"signers,omitempty"`
	Others  []string    `json:"others,omitempty"`
	Keys    []string    `json:"keys,omitempty"`
	Root    tlog.Hash   `json:"root"`
	Proof   []tlog.Hash `json:"proof,omitempty"`
	Record  string      `json:"record,omitempty"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		said, err := reply(asked)
		if err != nil {
			said.Error = err.Error()
		}
		if err := out.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}

func reply(asked question) (answer, error) {
	switch asked.Ask {
	case "open":
		return open(asked.Note, asked.Keys)
	case "key":
		_, err := note.NewVerifier(asked.Keys[0])
		return answer{}, err
	case "make":
		private, public, err := note.GenerateKey(rand.Reader, asked.Name)
		return answer{Keys: []string{private, public}}, err
	case "sign":
		return sign(asked.Text, asked.Keys)
	case "record":
		leaf := tlog.RecordHash(asked.Record)
		return answer{}, tlog.CheckRecord(asked.Proof, asked.Size, asked.Root, asked.Index, leaf)
	case "tree":
		err := tlog.CheckTree(asked.Proof, asked.Size, asked.Root, asked.Old, asked.OldRoot)
		return answer{}, err
	case "prove record":
		return prove(asked, func(reader tlog.HashReader) ([]tlog.Hash, error) {
			return tlog.ProveRecord(asked.Size, asked.Index, reader)
		})
	case "prove tree":
		return prove(asked, func(reader tlog.HashReader) ([]tlog.Hash, error) {
			return tlog.ProveTree(asked.Size, asked.Old, reader)
		})
	case "tile":
		return tile(asked)
	case "receipt":
		return receipt(asked.Text, asked.Keys)
	}
	return answer{}, errors.New("no such question: " + asked.Ask)
}

func open(data []byte, keys []string) (answer, error) {
	var known []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return answer{}, err
		}
		known = append(known, verifier)
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return answer{}, err
	}
	return answer{
		Text:    opened.Text,
		Signers: names(opened.Sigs),
		Others:  names(opened.UnverifiedSigs),
	}, nil
}

func names(signatures []note.Signature) []string {
	var found []string
	for _, one := range signatures {
		found = append(found, fmt.Sprintf("%s+%08x", one.Name, one.Hash))
	}
	return found
}

func sign(text string, keys []string) (answer, error) {
	var signers []note.Signer
	for _, key := range keys {
		signer, err := note.NewSigner(key)
		if err != nil {
			return answer{}, err
		}
		signers = append(signers, signer)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	return answer{Text: string(signed)}, err
}

// grown returns what is stored of the tree of some records.
func grown(records [][]byte) (tlog.HashReader, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, errors.New("no such hash")
			}
			found = append(found, stored[index])
		}
		return found, nil
	})
	for number, record := range records {
		hashes, err := tlog.StoredHashes(int64(number), record, reader)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	return reader, nil
}

func prove(asked question, by func(tlog.HashReader) ([]tlog.Hash, error)) (answer, error) {
	reader, err := grown(asked.Records)
	if err != nil {
		return answer{}, err
	}
	root, err := tlog.TreeHash(asked.Size, reader)
	if err != nil {
		return answer{}, err
	}
	proof, err := by(reader)
	return answer{Root: root, Proof: proof}, err
}

// tile returns the first Size hashes of the tile Index at level Old.
func tile(asked question) (answer, error) {
	reader, err := grown(asked.Records)
	if err != nil {
		return answer{}, err
	}
	found := tlog.Tile{H: 8, L: int(asked.Old), N: asked.Index, W: int(asked.Size)}
	data, err := tlog.ReadTileData(found, reader)
	if err != nil {
		return answer{}, err
	}
	said := answer{}
	for len(data) >= tlog.HashSize {
		var hash tlog.Hash
		data = data[copy(hash[:], data):]
		said.Proof = append(said.Proof, hash)
	}
	return said, nil
}

// receipt checks a receipt whole, in C2SP tlog-proof, and returns its record.
func receipt(text string, keys []string) (answer, error) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return answer{}, errors.New("no proof")
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return answer{}, err
	}
	var content struct{ Record, Word string }
	if err := json.Unmarshal(extra, &content); err != nil {
		return answer{}, err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return answer{}, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return answer{}, err
		}
		proof = append(proof, hash)
	}
	opened, err := open([]byte(signed), keys)
	if err != nil {
		return answer{}, err
	}
	said := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(said[1], 10, 64)
	if err != nil {
		return answer{}, err
	}
	root, err := tlog.ParseHash(said[2])
	if err != nil {
		return answer{}, err
	}
	leaf := tlog.RecordHash([]byte(content.Record))
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		return answer{}, err
	}
	word, err := open([]byte(content.Word), keys)
	if err != nil {
		return answer{}, err
	}
	of := fmt.Sprintf("%s\nword on record %d up to head %d %s\n", said[0], index+1, size, said[2])
	if !bytes.HasPrefix([]byte(word.Text), []byte(of)) {
		return answer{}, errors.New("a word on another record or head")
	}
	opened.Record = content.Record
	return opened, nil
}
