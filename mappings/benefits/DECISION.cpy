      * A decision, as the benefits mainframe writes it in its nightly run.
       01  DECISION-RECORD.
           05  RECORD-TYPE            PIC X(2).
           05  CLAIM-REFERENCE        PIC X(36).
           05  DECISION-CODE          PIC X(1).
           05  REASON-CODE            PIC X(2).
           05  CLAIM-NUMBER           PIC X(10).
           05  MONTHLY-AMOUNT         PIC S9(9)V99 COMP-3.
           05  FILLER                 PIC X(23).
