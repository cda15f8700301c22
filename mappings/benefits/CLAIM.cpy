      * A claim, as the benefits mainframe reads it in its nightly run.
       01  CLAIM-RECORD.
           05  RECORD-TYPE            PIC X(2).
           05  CLAIM-REFERENCE        PIC X(36).
           05  NATIONAL-ID            PIC X(11).
           05  BENEFIT-CODE           PIC X(3).
           05  FROM-DATE              PIC 9(8).
           05  MONTHLY-RENT           PIC S9(9)V99 COMP-3.
           05  DEPENDANTS             PIC 9(2).
           05  FILLER                 PIC X(12).
