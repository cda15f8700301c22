000100 01  R.                                                           SEED0001
      * a comment
           05  ID PIC X(5) VALUE 'A' JUST RIGHT.
               88  IS-A VALUE 'A' 'B' THRU 'D', SPACES.
           05  N PIC 9(2) COMP SYNC.
           05  G REDEFINES N USAGE COMP-3.
               10  A PIC S9(3)V99.
           05  FILLER PIC ZZ,ZZ9.99CR BLANK WHEN ZERO.
           COPY OTHER REPLACING ==OTHER== BY ==MORE== LEADING ==A-== BY
                                ====.
           REPLACE ==:T:== BY ==X==.
           05  L OCCURS 0 TO 5 TIMES DEPENDING ON N INDEXED BY I.
               10  :T:-M PIC S9(4) SIGN IS LEADING SEPARATE.
               10  VALUE-OF COMP-2 SYNC.
           05  Z PIC X(80) VALUE 'goes on to the margin
      -    'and behind it'.
       66  B RENAMES ID THRU G.
       77  W USAGE POINTER.
       78  C VALUE 5.
