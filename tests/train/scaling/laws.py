"""Laws of which losses are made without noise."""

from hypothesis import strategies as st

from triptych.train.scaling.fit_law import Law

TRUE = Law(E=1.7, A=400.0, a=0.34, B=410.0, b=0.28)
NEAR = Law(E=1.6, A=500.0, a=0.36, B=380.0, b=0.27)  # the one above
LAWS = st.builds(
    Law,
    E=st.floats(0.5, 6),
    A=st.floats(20, 2000),
    a=st.floats(0.2, 0.6),
    B=st.floats(20, 2000),
    b=st.floats(0.2, 0.6),
)
